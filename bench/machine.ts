import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What the figures depend on. */
export async function describeMachine(places: readonly string[]): Promise<readonly string[]> {
  const cpus = os.cpus();
  const systems = await Promise.all(places.map(fileSystem));
  return [
    `CPU: ${cpus[0]?.model.trim()}, ${cpus.length} cores; memory: ${(os.totalmem() / 1e9).toFixed(1)} GB`,
    `${os.type()} ${os.release()}, ${os.arch()}; file systems: ${systems.join(', ')}`,
    (await versions()).join(', '),
  ];
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
  const programs = ['prettier', 'typescript', 'eslint', 'claude-code', 'fastify'];
  const manifests = ['.', ...programs.map((name) => `programs/${name}`)];
  const dependencies = await Promise.all(manifests.map(dependenciesOf));
  return [
    commit && `Sarma at ${commit.stdout.trim()}`,
    `Node ${process.versions.node}`,
    await first('Zig', path.join(import.meta.dirname, '../node_modules/.bin/zig'), ['version']),
    await first('zstd', 'zstd', ['--version']),
    await first('cp (coreutils)', 'cp', ['--version']),
    ...dependencies.flatMap(Object.entries<string>).map(([name, version]) => `${name} ${version}`),
  ].filter((version) => version !== undefined);
}

async function dependenciesOf(directory: string): Promise<Readonly<Record<string, string>>> {
  const file = path.join(import.meta.dirname, directory, 'package.json');
  return (JSON.parse(await readFile(file, 'utf8')) as { dependencies: Readonly<Record<string, string>> })
    .dependencies;
}

/** The path of a tool. Throws when it is not installed. */
export async function findTool(tool: string): Promise<string> {
  const { stdout } = await execute('/bin/sh', ['-c', 'command -v "$0"', tool]).catch(() => {
    throw new Error(`${tool} is not installed`);
  });
  return stdout.trim();
}
