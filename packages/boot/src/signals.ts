import { fstatSync, statSync } from 'node:fs';
import { errorText } from './error-text.ts';
import type { RunningNode, StopSignal } from './running-node.ts';

/**
 * SIGTERM and SIGINT stop a node in order, and the exit code of that is 0: a node that was asked to stop and did has
 * not failed, whoever looks at the code (systemd, a container's restart policy, `daemon --heart`). The second one
 * ends the process at once, with the code that a shell gives for it. One that comes together with the first is the first
 * again: what is sent to a whole process group may be passed on to the node besides, as by `timeout` or by who holds it.
 *
 * SIGHUP is what an administrator sends to have the configuration read again, and what the kernel sends when a
 * terminal has gone. A node that hangs on a terminal stops; any other one reloads. On Windows a closed console is
 * always the end.
 *
 * Returns the listeners, which tell their own from those of a script.
 */
export function handleSignals(node: RunningNode): ReadonlySet<unknown> {
  let stoppingSince: number | undefined;
  const stop = (signal: StopSignal, number: number) => {
    if (stoppingSince === undefined) void node.stop(signal);
    else if (performance.now() - stoppingSince > TOGETHER) process.exit(128 + number);
    stoppingSince ??= performance.now();
  };
  const listeners = {
    SIGTERM: () => stop('SIGTERM', 15),
    SIGINT: () => stop('SIGINT', 2),
    SIGHUP: () => {
      if (process.platform === 'win32' || hasTerminal()) stop('SIGHUP', 1);
      else void reload(node);
    },
  };
  for (const [signal, listener] of Object.entries(listeners)) process.on(signal, listener);
  return new Set(Object.values(listeners));
}

/** Milliseconds; nobody presses a key twice in that time, and no program asks twice for want of an answer. */
const TOGETHER = 100;

async function reload(node: RunningNode): Promise<void> {
  try {
    await node.reloadConfiguration();
  } catch (error) {
    process.stderr.write(`${node.boot.name}: The configuration was not reloaded.\n${errorText(error)}\n`);
  }
}

/** A character device that is not /dev/null: isatty() says no as soon as the terminal has gone. */
function hasTerminal(): boolean {
  const nothing = statSync('/dev/null').rdev;
  return [0, 1, 2].some((descriptor) => {
    try {
      const file = fstatSync(descriptor);
      return file.isCharacterDevice() && file.rdev !== nothing;
    } catch {
      return false;
    }
  });
}
