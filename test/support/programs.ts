import { createHash } from 'node:crypto';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/** A project as a person would have it: made of files, its dependencies installed by npm. */
export interface Program {
  readonly directory: string;
  /** The entry, relative to the directory. */
  readonly entry: string;
}

const CACHE = path.resolve(import.meta.dirname, '../../node_modules/.cache/sarma-test');

/**
 * Makes the project, or finds the one made by an earlier test of the same content (an install takes a while).
 * `files` are texts by path; `package.json` is `manifest`.
 */
export async function makeProgram(
  manifest: { readonly name: string; readonly bin: string } & Readonly<Record<string, unknown>>,
  files: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const content = JSON.stringify([manifest, files]);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const directory = path.join(CACHE, `${manifest.name}-${hash}`);
  const program = { directory, entry: manifest.bin };
  if (await exists(directory)) return program;
  const making = `${directory}.${process.pid}`;
  await writeFiles(making, {
    ...files,
    'package.json': JSON.stringify({ version: '1.0.0', ...manifest }, null, 2),
  });
  if (manifest.dependencies !== undefined) {
    await execa('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: making });
  }
  await rename(making, directory).catch(() => rm(making, { recursive: true })); // another test file was first
  return program;
}

export async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
