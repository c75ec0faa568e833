import type { ChildProcess } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { readNodeRecord } from '../control/node-record.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { heartLimits } from '../heart.ts';
import { startLogged } from '../log/carry.ts';
import { logSettings } from '../log/settings.ts';
import { lastLines } from '../log/tail.ts';
import { type NodeInfo, nodeInfo } from '../node-info.ts';
import { commandLine } from '../relaunch.ts';
import { SECONDS, wholeNumber } from '../whole-number.ts';

/** Starts the node in the background and returns when it answers. Its working directory is the state directory. */
export async function run(context: CommandContext): Promise<number> {
  const { boot, environment, args, stdout, stderr } = context;
  const [command, rest] =
    args[0] === '--heart' ? (['heart', args.slice(1)] as const) : (['start', args] as const);
  const log = logSettings(environment, process.env);
  const limit = (wholeNumber(process.env, 'RELEASE_DAEMON_TIMEOUT', SECONDS) ?? 60) * 1000;
  heartLimits(process.env); // What is wrong with them is said here and not in the log.
  refuse(context, await nodeInfo(boot, environment));
  makeDirectories(path.dirname(log.file), environment.mutableDirectory);
  const logBefore = statSync(log.file, { throwIfNoEntry: false })?.size ?? 0;
  const env = { ...process.env, RELEASE_LOG_FILE: log.file };
  const start = commandLine(environment, [command, ...rest], env);
  const { child, carrier, carried } = await startLogged(start, log, environment);
  const outcome = await comesUp(context, child, Date.now() + limit);
  if (outcome.pid !== undefined) {
    stdout.write(`${environment.node} ${boot.version} is running (PID ${outcome.pid}). Log: ${log.file}\n`);
    if (carrier.exitCode === null) return 0;
    stderr.write(
      `${boot.name}: Nobody writes that log: its carrier ended with exit code ${carrier.exitCode}.\n`,
    );
    return 1;
  }
  // Everything that it printed is in the log once the carrier is done; what it left behind may hold the log open.
  if (outcome.ended) await Promise.race([carried, wait(2000)]);
  const said = lastWords(log.file, logBefore, carrier.exitCode);
  stderr.write(`${boot.name}: ${outcome.problem} ${said}\n`);
  return 1;
}

/** What the log has of a start that failed, or why it has nothing, as on a full disk. */
function lastWords(file: string, from: number, carrierCode: number | null): string {
  const end = lastLines(file, 20, from);
  if (end !== '') return `The end of ${file}:\n${end.trimEnd()}`;
  return carrierCode
    ? `Nobody could write ${file}: its carrier ended with exit code ${carrierCode}.`
    : `${file} has nothing of it.`;
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

/** Like everything in the state directory, for this user alone. */
function makeDirectories(...directories: readonly string[]): void {
  try {
    for (const directory of directories) mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BootError(
      'NO_LOG_DIRECTORY',
      `The log has no place: ${(cause as Error).message}. RELEASE_MUTABLE_DIR names another directory.`,
    );
  }
}

type Outcome =
  | { readonly pid: number }
  | { readonly pid?: undefined; readonly ended: boolean; readonly problem: string };

/** Until every application has started, the process is gone, or it is too late. */
async function comesUp(
  { boot, environment }: CommandContext,
  child: ChildProcess,
  latest: number,
): Promise<Outcome> {
  let end: string | undefined;
  child.on('error', (error) => {
    end = `could not be started: ${error.message}.`;
  });
  child.on('exit', (code, signal) => {
    end = signal === null ? `ended with exit code ${code}.` : `was ended by ${signal}.`;
  });
  for (let pause = 20; ; pause = Math.min(pause * 1.5, 250)) {
    await wait(pause);
    if (end !== undefined) return { ended: true, problem: `The node did not come up: it ${end}` };
    const now = await progress(boot, environment);
    if (now.pid !== undefined) return { pid: now.pid };
    if (Date.now() < latest) continue;
    return { ended: false, problem: `The node (PID ${child.pid}) ${now.state}; it was left alone.` };
  }
}

type Progress = { readonly pid: number } | { readonly pid?: undefined; readonly state: string };

async function progress(boot: BootFile, environment: ReleaseEnvironment): Promise<Progress> {
  try {
    const info = await nodeInfo(boot, environment);
    if (info === undefined) return { state: 'does not answer yet' };
    const missing = notStarted(boot, info);
    return missing.length === 0 ? { pid: info.pid } : { state: `is still starting ${missing.join(', ')}` };
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    // It has taken its name and will never say more.
    const record = error.code === 'NO_DISTRIBUTION' ? readNodeRecord(environment) : undefined;
    if (record !== undefined) return { pid: record.pid };
    return { state: `cannot be talked to yet: ${error.message}` };
  }
}

/** What boot.json starts and the node does not know, or has not started, yet. */
function notStarted({ applications }: BootFile, info: NodeInfo): readonly string[] {
  return applications.flatMap(({ name, mode, module }) => {
    if (module === null || mode === 'none' || mode === 'load') return [];
    const state = info.applications.find((known) => known.name === name)?.state;
    return state === undefined || state === 'loaded' || state === 'starting' ? [name] : [];
  });
}
