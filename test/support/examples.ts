import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { runCommand, type Transcript, temporaryDirectory } from './run.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** A copy of `examples/<name>` with its dependencies, as a person would have it. */
export async function copyExample(name: string): Promise<string> {
  const directory = path.join(await temporaryDirectory(), name);
  const left = /[/\\](node_modules|_build|burrito_out|package-lock\.json|sarma\.lock\.json)$/;
  await cp(path.join(ROOT, 'examples', name), directory, {
    recursive: true,
    filter: (source) => !left.test(source),
  });
  const manifest = path.join(directory, 'package.json');
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replaceAll('file:../..', `file:${ROOT}`));
  await execa('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: directory });
  return directory;
}

/** `sarma` in a project, with the Node that runs the tests; fails if it does. */
export async function build(
  directory: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Transcript> {
  const words = [...args, '--runtime', process.versions.node];
  const transcript = await runCommand(words, { cwd: directory, env });
  expect(transcript.exitCode, transcript.stdout + transcript.stderr).toBe(0);
  return transcript;
}
