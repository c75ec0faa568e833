// What an executable that is damaged, or means harm, must leave as it was, and the memory that it may take.
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Parts } from './executable-parts.ts';
import { listing } from './installs.ts';
import { run, type Transcript, temporaryDirectory } from './run.ts';

const MiB = 1 << 20;

/** All that a run could reach: its cache, and around it what is not its own. */
export interface World {
  readonly surroundings: string;
  readonly directory: string;
  readonly base: string;
  readonly program: string;
}

/** With a program that `start` starts. */
export async function makeWorld(program: Buffer): Promise<World> {
  const surroundings = await temporaryDirectory();
  const directory = path.join(surroundings, 'world');
  for (const name of ['home', 'tmp', 'work']) {
    await mkdir(path.join(directory, name), { recursive: true });
    await writeFile(path.join(directory, name, 'canary'), name);
  }
  await writeFile(path.join(directory, 'app'), program, { mode: 0o755 });
  return {
    surroundings,
    directory,
    base: path.join(directory, 'cache'),
    program: path.join(directory, 'app'),
  };
}

/** All but the cache and the bytes of the program. */
export async function around({ surroundings }: World): Promise<Readonly<Record<string, string>>> {
  const entries = Object.entries(await listing(surroundings));
  return Object.fromEntries(entries.filter(([name]) => !/^world(\/cache(\/.*)?|\/app)?$/.test(name)));
}

/**
 * Runs the program, in at most `memory` bytes of address space: a limit that `smallRuntime` takes away before it becomes
 * Node. Without one, what the system does not take for a program is an error here.
 */
export async function start(
  world: World,
  args: readonly string[] = [],
  { memory, timeout = 100_000 }: { readonly memory?: number; readonly timeout?: number } = {},
): Promise<Transcript> {
  const env = {
    ...{ SARMA_CACHE_DIR: world.base, HOME: path.join(world.directory, 'home') },
    ...{ TMPDIR: path.join(world.directory, 'tmp'), XDG_CACHE_HOME: undefined },
  };
  const options = { env, cwd: path.join(world.directory, 'work'), timeout };
  if (memory === undefined) return await run(world.program, args, options);
  const limited = ['-c', 'ulimit -S -v "$0" && exec "$@"', `${memory >> 10}`, world.program, ...args];
  return await run('sh', limited, options);
}

/**
 * Bytes that the stub may take for a file: for each thread the largest frame as it is stored and as it is decoded, and what
 * a decoder needs beside it; the manifest as lists of entries; itself.
 */
export function memoryFor({ manifest, stamp }: Parts): number {
  const largest = (key: 'length' | 'size') =>
    Math.max(...manifest.frames.map((frame: { length: number; size: number }) => frame[key]));
  const threads = Math.min(availableParallelism(), 8);
  return threads * (largest('length') + largest('size') + MiB) + 32 * stamp.manifestLength + 3 * MiB;
}
