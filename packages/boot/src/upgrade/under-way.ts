import { compareVersions } from '@sarma/app/version-order';
import { BootError } from '../error.ts';
import type { RunningNode } from '../running-node.ts';
import { seconds } from '../stop-applications.ts';

/** Throws BootError UPGRADE_UNDER_WAY where something else would get in between. `what` completes "cannot be …". */
export function refuseUnderWay(node: RunningNode, what: string): void {
  const why = underWay(node);
  if (why === undefined) return;
  throw new BootError('UPGRADE_UNDER_WAY', `${node.environment.node} cannot be ${what} now: ${why}`);
}

/** Throws a BootError where a node cannot be given that version by a process of its own. */
export function refuseUpgrade(node: RunningNode, version: string): void {
  const { boot, environment, state } = node;
  const isBack = (compareVersions(boot.version, version) ?? 0) > 0;
  const what = `${isBack ? 'downgraded' : 'upgraded'} to ${version}`;
  refuseUnderWay(node, what);
  const refused = (why: string) =>
    new BootError('UPGRADE_REFUSED', `${environment.node} cannot be ${what}: ${why}`);
  if (process.platform === 'win32')
    throw refused('nothing hands listening sockets over on Windows. Replace the file and use restart.');
  if (state !== 'running') throw refused(`it is ${state}. Try again when it runs.`);
  if (environment.isSource) throw refused(`${boot.name} runs from its sources.`);
  // Nothing says when it listens, and its own listeners of signals cannot be told from ours.
  if (boot.instructions.some((one) => one.do === 'run'))
    throw refused('it is a program and no application, and nothing says when one is ready. Use restart.');
  if (environment.command === 'start_repl')
    throw refused('it was started with a REPL, which would be gone. Stop it and start the other version.');
}

/** Resolves when no version before this one ends what it has begun any more; with `isNow` that is asked for. */
export async function afterPredecessor(
  { predecessor }: RunningNode,
  isNow: boolean,
  say: (progress: string) => void,
): Promise<void> {
  if (predecessor === undefined) return;
  const { version, pid, timeLeft, gone } = predecessor;
  if (isNow) predecessor.hurry();
  else
    say(
      `Waiting for ${version} (PID ${pid}), which has at most ${seconds(timeLeft)} s more for its clients, then stops. With --now it stops at once`,
    );
  await gone;
}

function underWay({ handover, isReloading }: RunningNode): string | undefined {
  if (isReloading) return 'a reload is under way. Try again when that is over.';
  if (handover === undefined) return undefined;
  return `its upgrade to ${handover.to} is under way (PID ${handover.pid}). Try again when that is over.`;
}
