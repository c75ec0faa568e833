import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { cacheDirectory } from './home.ts';

/** A project as a person would have it: made of files, its dependencies installed by npm. */
export interface Program {
  readonly directory: string;
  /** The entry, relative to the directory; empty for a service that has none. */
  readonly entry: string;
}

// Not below node_modules: there Node takes no TypeScript, and nothing is a project's own source.
const CACHE = path.join(cacheDirectory(), 'sarma-test-programs');

/**
 * Makes the project, or finds the one made by an earlier test of the same content (an install takes a while).
 * `files` are texts by path; `package.json` is `manifest`, in which `"packageManager": "pnpm"` means what it says.
 */
export async function makeProgram(
  manifest: { readonly name: string; readonly bin?: string } & Readonly<Record<string, unknown>>,
  files: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const content = JSON.stringify([manifest, files]);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const directory = path.join(CACHE, `${manifest.name}-${hash}`);
  const program = { directory, entry: manifest.bin ?? '' };
  if (existsSync(directory)) return program;
  const making = `${directory}.${process.pid}`;
  await writeFiles(making, {
    ...files,
    'package.json': JSON.stringify({ version: '1.0.0', ...manifest }, null, 2),
  });
  await install(making, manifest);
  await rename(making, directory).catch(() => rm(making, { recursive: true })); // another test file was first
  return program;
}

/** By the package manager that the manifest names, in its own words. */
async function install(directory: string, manifest: Readonly<Record<string, unknown>>): Promise<void> {
  if (manifest.packageManager === 'pnpm') {
    await execa('pnpm', ['install', '--silent'], {
      cwd: directory,
      preferLocal: true,
      localDir: import.meta.dirname,
    });
  } else if (manifest.dependencies !== undefined || manifest.workspaces !== undefined) {
    await execa('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: directory });
  }
}

export async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}
