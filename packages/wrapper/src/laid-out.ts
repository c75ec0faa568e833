import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isolation } from './isolation.ts';
import { type Ended, runAlone } from './run-alone.ts';
import type { Tree } from './tree.ts';

/** A release on this disk as an install of it would be, and its runtime, which this machine can execute. */
export interface LaidOut {
  /** Of the release. */
  readonly directory: string;
  /** The same for the processes that `run` starts: a name that says nothing of this machine, where the system allows. */
  readonly root: string;
  /** The runtime, for two minutes at most. Throws what `runAlone` throws. */
  run(args: readonly string[]): Promise<Ended>;
}

/** In milliseconds. */
const LIMIT = 120_000;

/** Of the runtime, on every system. */
const NODE = 'node.exe';

/** In the temporary directory, as long as it is used. `runtime` is the executable's file, and `signal` ends what runs. Throws what `use` and writing throw. */
export async function withLaidOut<Result>(
  tree: Tree,
  runtime: string,
  signal: AbortSignal | undefined,
  use: (laidOut: LaidOut) => Promise<Result>,
): Promise<Result> {
  const work = await realpath(await mkdtemp(path.join(tmpdir(), 'sarma-run-')));
  try {
    // `isolation` wants the three.
    for (const name of ['empty', 'home', 'root']) await mkdir(path.join(work, name), { mode: 0o700 });
    const directory = path.join(work, 'release');
    await layOut(tree, directory);
    await copyFile(runtime, path.join(work, NODE), constants.COPYFILE_FICLONE);
    // What the build cache holds need not be executable.
    await chmod(path.join(work, NODE), 0o755);
    const isolated = isolation(work, []);
    return await use({
      directory,
      root: path.join(isolated?.work ?? work, 'release'),
      run: (args) => runAlone(NODE, args, { work, isolated, limit: LIMIT, signal }),
    });
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function layOut({ directories, files, links }: Tree, directory: string): Promise<void> {
  const place = (relative: string) => path.join(directory, relative);
  await mkdir(directory, { recursive: true });
  for (const relative of directories) await mkdir(place(relative));
  for (const { path: relative, mode, content } of files) {
    if (typeof content === 'string') await copyFile(content, place(relative), constants.COPYFILE_FICLONE);
    else await writeFile(place(relative), content, { mode });
  }
  for (const link of links)
    await symlink(link.target, place(link.path), link.directory ? 'junction' : 'file');
}
