import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What the figures depend on, as a list in Markdown. */
export async function describeMachine(places: readonly string[]): Promise<string> {
  const cpus = os.cpus();
  const systems = await Promise.all(places.map(fileSystem));
  return [
    `* CPU: ${cpus[0]?.model.trim()}, ${cpus.length} cores; memory: ${(os.totalmem() / 1e9).toFixed(1)} GB`,
    `* ${os.type()} ${os.release()}, ${os.arch()}; file systems: ${systems.join(', ')}`,
    `* ${(await versions()).join(', ')}`,
  ].join('\n');
}

/** Average number of processes that wanted to run during the last minute. */
export function load(): string {
  return os.loadavg()[0]!.toFixed(1);
}

/** The type of the file system that holds a directory. */
export async function fileSystem(directory: string): Promise<string> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const holds = (mount: string) => mount === '/' || directory === mount || directory.startsWith(`${mount}/`);
  const inside = mounts.filter(([, mount]) => mount !== undefined && holds(mount));
  // Of mounts one above the other, the last one counts.
  const nearest = inside.reduce((best, next) => (next[1]!.length >= best[1]!.length ? next : best));
  return nearest[2]!;
}

async function versions(): Promise<readonly string[]> {
  const first = async (name: string, file: string, args: readonly string[]) => {
    const answer = await execute(file, [...args]).catch(() => undefined);
    return answer && `${name} ${/\d+\.\d[\w.+-]*/.exec(answer.stdout)?.[0] ?? answer.stdout.trim()}`;
  };
  const commit = await execute('git', ['-C', import.meta.dirname, 'describe', '--always', '--dirty']).catch(
    () => undefined,
  );
  const peers = JSON.parse(await readFile(path.join(import.meta.dirname, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  return [
    commit && `Sarma at ${commit.stdout.trim()}`,
    `Node ${process.versions.node}`,
    await first('Zig', path.join(import.meta.dirname, '../node_modules/.bin/zig'), ['version']),
    await first('zstd', 'zstd', ['--version']),
    await first('cp (coreutils)', 'cp', ['--version']),
    ...Object.entries(peers.dependencies).map(([name, version]) => `${name} ${version}`),
  ].filter((version) => version !== undefined);
}
