import { execFile } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Program } from './programs.ts';
import { randomNumbers } from './statistics.ts';

/** What a project is filled with, besides an entry that prints a line. */
export interface Filling {
  readonly files: number;
  /** The directories that the files lie in, in equal numbers. */
  readonly directories: number;
  /** All files together. */
  readonly bytes: number;
  /** `code` is text like that of programs, different in each file; `noise` cannot be compressed. */
  readonly content: 'code' | 'noise';
}

/** Makes a project in `project`: the same bytes every time. */
export async function makeProject(name: string, project: string, filling: Filling): Promise<Program> {
  const { files, directories, bytes, content } = filling;
  const size = Math.max(1, Math.floor(bytes / files));
  const make = content === 'code' ? makeCode : makeNoise;
  for (let index = 0; index < directories; index++) {
    await mkdir(directoryOf(project, index), { recursive: true });
  }
  for (let index = 0; index < files; index++) {
    const file = path.join(directoryOf(project, index % directories), `file-${index}.js`);
    await writeFile(file, make(index, size));
  }
  await writeFile(path.join(project, 'main.js'), "console.log('Hello, world!');\n");
  const manifest = { name, version: '1.0.0', private: true, bin: 'main.js' };
  await writeFile(path.join(project, 'package.json'), JSON.stringify(manifest));
  return { name, project, entry: 'main.js', uses: [{ name, args: [], directory: project, status: 0 }] };
}

/** Sixty-four directories in each: as deep as projects are. */
function directoryOf(project: string, index: number): string {
  return path.join(project, 'data', `part-${Math.floor(index / 64)}`, `directory-${index}`);
}

const WORDS =
  'const let function return if else for of await async import export from value index result options error path name'.split(
    ' ',
  );

function makeCode(seed: number, size: number): string {
  const random = randomNumbers(seed + 1);
  let text = '';
  while (text.length < size) {
    const word = WORDS[Math.floor(random() * WORDS.length)]!;
    const number = Math.floor(random() * 100_000).toString(36);
    text += `${word}${number}${random() < 0.2 ? ';\n' : ' '}`;
  }
  return text.slice(0, size);
}

/** The key stream of a cipher, which is fast. */
function makeNoise(seed: number, size: number): Buffer {
  const start = Buffer.alloc(16);
  start.writeUInt32BE(seed);
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), start).update(Buffer.alloc(size));
}

/** By what a runtime's version is found. The source returns something of it, so that it stays in the file. */
const TINY = `static const char *volatile trace = "node.js/v${process.versions.node}";
int main(void) { return trace[0] - 'n'; }
`;

const CPUS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** The path of a static program that passes for Node and ends at once: what is left of a run is the stub's share. */
export async function makeTinyRuntime(directory: string): Promise<string> {
  const file = path.join(directory, 'node');
  await writeFile(path.join(directory, 'node.c'), TINY);
  const target = ['-target', `${CPUS[process.arch]}-linux-musl`, '-mcpu=baseline', '-OReleaseSmall'];
  const options = [...target, '-fstrip', '-lc', '-static', `-femit-bin=${file}`];
  const zig = path.join(import.meta.dirname, '../node_modules/.bin/zig');
  await promisify(execFile)(zig, ['build-exe', 'node.c', ...options], { cwd: directory });
  return file;
}
