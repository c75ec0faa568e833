import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { zig } from '../../scripts/zig.ts';
import { type RunOptions, run, type Transcript, temporaryDirectory } from './run.ts';

/** A file or directory as a program of Windows calls it, and as this machine does. */
export interface Place {
  readonly windows: string;
  readonly unix: string;
}

/** A Windows of its own: a Wine prefix, with the server that belongs to it. */
export interface Wine {
  /** The prefix. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** A path below `C:\` by its parts. */
  place(...parts: readonly string[]): Place;
  /** Runs a program of Windows; what it prints goes through files, which the processes of Wine may keep open. */
  start(file: string, args?: readonly string[], options?: StartOptions): Promise<Transcript>;
  /** Starts one that goes on; what it prints goes to `log`. */
  begin(file: string, args: readonly string[], env: NodeJS.ProcessEnv, log?: string): ChildProcess;
  /** Ends every process of this Windows, and with them its server: the next start is another boot. */
  stop(): Promise<void>;
}

export interface StartOptions extends Pick<RunOptions, 'env' | 'timeout'> {
  /** What runs wine: a command that runs what is given to it behind its arguments. */
  readonly under?: readonly string[];
}

export async function newWine(): Promise<Wine> {
  const directory = await temporaryDirectory();
  const env = { ...process.env, WINEPREFIX: directory, WINEDEBUG: '-all' };
  const redirected = 'out=$1 err=$2; shift 2; exec "$@" </dev/null >"$out" 2>"$err"';
  const start: Wine['start'] = async (file, args = [], { under = [], ...options } = {}) => {
    const place = await temporaryDirectory();
    const [out, err] = [path.join(place, 'out'), path.join(place, 'err')];
    const line = [...under, 'wine', file, ...args];
    const { exitCode, signal } = await run('sh', ['-c', redirected, 'sh', out, err, ...line], {
      ...options,
      env: { ...env, ...options.env },
    });
    const [stdout, stderr] = [await readFile(out, 'utf8'), await readFile(err, 'utf8')];
    await rm(place, { recursive: true });
    return { exitCode, signal, stdout, stderr };
  };
  // For five minutes without a program, as what starts it anew takes long. Before anything else: the server that a program
  // starts ends with the last one, and no other can start beside it.
  const { exitCode } = await run('sh', ['-c', 'exec wineserver -p300 >/dev/null 2>&1'], { env });
  if (exitCode !== 0) throw new Error(`wineserver -p300 ended with ${exitCode}`);
  await start('winecfg', ['-v', 'win10']);
  return {
    directory,
    env,
    place: (...parts) => ({
      windows: ['C:', ...parts].join('\\'),
      unix: path.join(directory, 'drive_c', ...parts),
    }),
    start,
    begin: (file, args, more, log = '/dev/null') =>
      spawn('sh', ['-c', 'log=$1; shift; exec wine "$@" >"$log" 2>&1', 'sh', log, file, ...args], {
        env: { ...env, ...more },
        stdio: 'ignore',
      }),
    stop: async () => {
      await run('wineserver', ['-k'], { env });
      await run('wineserver', ['-w'], { env });
    },
  };
}

/** What this machine calls `/a/b`. */
export function toWindows(unix: string): string {
  return `Z:${unix.replaceAll('/', '\\')}`;
}

/**
 * With all that it started and that does not outlive it. Nothing has to be waited for: Wine's server reads the end of this
 * process before what others ask it later, and closes what it had.
 */
export async function killHard(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
}

/** Waits until the file has this text in it. */
export async function untilWritten(file: string, text: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if ((await readFile(file, 'utf8').catch(() => '')).includes(text)) return;
    await sleep(100);
  }
  throw new Error(`nobody wrote "${text}" to ${file} within 30 s`);
}

/** Compiles one of the programs beside this file for Windows. */
export async function buildForWindows(name: 'holder' | 'starter'): Promise<string> {
  const file = path.join(await temporaryDirectory(), `${name}.exe`);
  const script = path.join(import.meta.dirname, `windows-${name}.zig`);
  const options = ['-target', 'x86_64-windows-gnu', '-OReleaseSmall', '-fsingle-threaded'];
  const build = [zig, 'build-exe', script, ...options, `-femit-bin=${file}`];
  const { exitCode, stderr } = await run(process.execPath, build);
  if (exitCode !== 0) throw new Error(stderr);
  return file;
}

/** Every name below a directory, sorted; of one that is not there, none. */
export async function namesBelow(directory: string): Promise<readonly string[]> {
  await mkdir(path.dirname(directory), { recursive: true });
  return (await readdir(directory, { recursive: true }).catch(() => [])).sort();
}
