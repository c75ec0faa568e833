import type { ChildProcess } from 'node:child_process';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { applicationArguments, HEART, passedOn } from '../application-arguments.ts';
import { comesUp, ending, endOfLog, startLimit } from '../coming-up.ts';
import type { CommandContext } from '../context.ts';
import { makeDirectory } from '../control/private-directory.ts';
import { BootError } from '../error.ts';
import { heartLimits } from '../heart.ts';
import { startLogged } from '../log/carry.ts';
import { logSettings } from '../log/settings.ts';
import { type NodeInfo, nodeInfo } from '../node-info.ts';
import { commandLine } from '../relaunch.ts';

/** Starts the node in the background and returns when everything runs. Its working directory is the state directory. */
export async function run(context: CommandContext): Promise<number> {
  const { boot, environment, args, stdout, stderr } = context;
  const [command, words] =
    args[0] === HEART ? (['heart', args.slice(1)] as const) : (['start', args] as const);
  const rest = passedOn(applicationArguments('daemon', words));
  const log = logSettings(environment, process.env);
  const limit = startLimit(process.env);
  heartLimits(process.env); // What is wrong with them is said here and not in the log.
  refuse(context, await nodeInfo(boot, environment));
  makeDirectories(path.dirname(log.file), environment.mutableDirectory);
  const logBefore = statSync(log.file, { throwIfNoEntry: false })?.size ?? 0;
  const env = { ...process.env, RELEASE_LOG_FILE: log.file };
  const start = commandLine(environment, [command, ...rest], env);
  const { child, carrier, carried } = await startLogged(start, log, environment);
  // Everything on the way to the node replaces itself by the next, but for heart, and for the stub on Windows.
  const pid = command === 'start' && process.platform !== 'win32' ? child.pid : undefined;
  const outcome = await comesUp(context, { end: endOf(child), latest: Date.now() + limit, pid });
  if (outcome.pid !== undefined) {
    stdout.write(`${environment.node} ${boot.version} is running (PID ${outcome.pid}). Log: ${log.file}\n`);
    if (carrier.exitCode === null) return 0;
    stderr.write(`${boot.name}: ${notWritten(log.file, carrier.exitCode)}\n`);
    return 1;
  }
  // Everything that it printed is in the log once the carrier is done; what it left behind may hold the log open.
  if (outcome.ended) await Promise.race([carried, wait(2000)]);
  const what = outcome.ended
    ? `The node did not come up: it ${outcome.problem}`
    : `The node (PID ${child.pid}) ${outcome.problem}`;
  const said =
    endOfLog(context, logBefore) ??
    (carrier.exitCode ? notWritten(log.file, carrier.exitCode) : `${log.file} has nothing of it.`);
  stderr.write(`${boot.name}: ${what} ${said}\n`);
  return 1;
}

/** How it ended, once it has. */
function endOf(child: ChildProcess): () => string | undefined {
  let end: string | undefined;
  child.on('error', (error) => {
    end = `could not be started: ${error.message}.`;
  });
  child.on('exit', (exitCode, signal) => {
    end = ending(exitCode, signal);
  });
  return () => end;
}

function notWritten(file: string, exitCode: number): string {
  return `Nobody writes ${file}: the process that is to do it ended with exit code ${exitCode}.`;
}

function refuse({ environment }: CommandContext, running: NodeInfo | undefined): void {
  if (environment.readOnly) {
    throw new BootError(
      'READ_ONLY',
      'RELEASE_READ_ONLY is set: there is no log to write, so nothing can run in the background. Use start under a supervisor that keeps what it prints.',
    );
  }
  if (running === undefined) return;
  throw new BootError('ALREADY_RUNNING', `${environment.node} runs already (PID ${running.pid}).`);
}

/** Like everything in the state directory, for this user alone. In the first there has to be room. */
function makeDirectories(...directories: readonly [string, ...string[]]): void {
  try {
    for (const directory of directories) makeDirectory(directory);
    tryToWrite(path.join(directories[0], `.room-${process.pid}`));
  } catch (cause) {
    throw new BootError(
      'NO_LOG_DIRECTORY',
      `The log cannot be written: ${(cause as Error).message}. RELEASE_MUTABLE_DIR names another directory.`,
    );
  }
}

/** A full disk, or one that is read-only, would leave nobody to say so later. */
function tryToWrite(file: string): void {
  try {
    writeFileSync(file, 'x', { flag: 'wx', mode: 0o600 });
  } finally {
    rmSync(file, { force: true });
  }
}
