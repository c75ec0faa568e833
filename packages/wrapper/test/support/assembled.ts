import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Writes an assembled release of one program by hand: `entry.js`, and files by their paths. */
export async function writeAssembled(
  directory: string,
  release: Readonly<Record<string, unknown>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const all = {
    'releases/start.json': JSON.stringify({ version: '1.0.0', runtime: 'runtime-24.0.0/bin/node' }),
    'releases/1.0.0/release.json': JSON.stringify({
      name: 'small',
      version: '1.0.0',
      kind: 'cli',
      entries: { small: 'entry.js' },
      vmArgs: [],
      ...release,
    }),
    'entry.js': 'console.log("small")',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return directory;
}
