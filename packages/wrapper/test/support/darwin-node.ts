import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stubPath } from '@sarma/stub';

/**
 * Stand-ins for Node, by the names of their targets, that nobody has to download: executables for the right system and
 * CPU that name a version. Returns what `--runtime` takes.
 */
export async function writeNodes(
  directory: string,
  versions: Readonly<Record<string, string>>,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const [target, version] of Object.entries(versions)) {
    const program = await readFile(stubPath(target));
    const trace = Buffer.from(`\0node-v${version}.tar.gz\0`);
    await writeFile(path.join(directory, target), Buffer.concat([program, trace]));
  }
  return path.join(directory, '{target}');
}
