import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFiles } from './programs.ts';
import { type Transcript, temporaryDirectory, wrapCommand } from './run.ts';

export interface Wrapped extends Transcript {
  readonly project: string;
  readonly file: string;
}

/** Wraps a program of these files, as a person would who wants it to be started. */
export async function wrapVerified(
  files: Readonly<Record<string, string>>,
  parent = '',
  args: readonly string[] = ['--verify'],
): Promise<Wrapped> {
  const project = path.join(parent === '' ? await temporaryDirectory() : parent, 'hello');
  await writeFiles(project, {
    'package.json': JSON.stringify({ name: 'hello', version: '1.0.0', bin: 'main.js' }),
    ...files,
  });
  const file = path.join(project, 'burrito_out', 'hello');
  const runtime = ['--runtime', process.versions.node];
  const options = [...runtime, '--compression', 'fast', '-o', file, ...args];
  const env = { SECRET: 'of the build' };
  return { ...(await wrapCommand([project, ...options], { env })), project, file };
}

/** What a build says of a start; the first group is what was started. */
export const STARTED = /^\w+-\w+: started in an empty directory, with the project hidden: (.*)\.$/m;

/** What `checkStart` takes, where what is started is a shell script of these lines. */
export async function scriptCheck(lines: string) {
  const directory = await temporaryDirectory();
  await writeFile(path.join(directory, 'app'), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  await mkdir(path.join(directory, 'project'));
  return {
    artifact: { file: path.join(directory, 'app'), name: 'app', target: 'linux-x64' },
    kind: 'cli' as const,
    arguments: true as const,
    project: path.join(directory, 'project'),
    cache: { directory: path.join(directory, 'cache') },
  };
}
