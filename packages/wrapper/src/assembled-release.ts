import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** What `releases/<version>/release.json` says of an assembled release. */
export interface AssembledRelease {
  readonly directory: string;
  readonly name: string;
  readonly version: string;
  readonly kind: 'cli';
  /** Program name → its entry file, relative to the release's root. */
  readonly entries: Readonly<Record<string, string>>;
  readonly vmArgs: readonly string[];
}

export class AssembledReleaseError extends Error {
  override readonly name = 'AssembledReleaseError';
  readonly code = 'NOT_ASSEMBLED';
}

/** Reads the current version of an assembled release. Throws AssembledReleaseError when the directory is none. */
export async function readAssembledRelease(directory: string): Promise<AssembledRelease> {
  const start = await readJson(path.join(directory, 'releases', 'start.json'));
  const file = path.join(directory, 'releases', String(start.version), 'release.json');
  const release = await readJson(file);
  const { name, version, kind, entries, vmArgs } = release as Partial<AssembledRelease>;
  if (name === undefined || version === undefined || kind !== 'cli' || entries === undefined) {
    throw new AssembledReleaseError(`${file} is no release of this Sarma; run \`sarma assemble\` again.`);
  }
  return { directory: path.resolve(directory), name, version, kind, entries, vmArgs: vmArgs ?? [] };
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw new AssembledReleaseError(`There is no assembled release here: ${file} cannot be read.`, { cause });
  }
}
