import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { makeProgram, type Program } from './programs.ts';
import { type PublishingPlace, updatesFrom } from './publishing.ts';
import { type RunOptions, run, type Transcript, temporaryDirectory } from './run.ts';

/** An executable where a user has it, with a cache of its own. */
export interface Copy {
  readonly file: string;
  readonly folder: string;
  readonly base: string;
  run(args?: readonly string[], options?: RunOptions): Promise<Transcript>;
  /** `maintenance …` */
  maintain(...args: readonly string[]): Promise<Transcript>;
}

/** Puts a copy of an executable into a folder that has nothing else. */
export async function copyOf(executable: string, name = 'hello'): Promise<Copy> {
  const folder = path.join(await temporaryDirectory(), 'bin');
  const base = await temporaryDirectory();
  await mkdir(folder);
  const file = path.join(folder, name);
  await copyFile(executable, file);
  await chmod(file, 0o755);
  const env = { SARMA_CACHE_DIR: base };
  const start: Copy['run'] = async (args = [], options = {}) =>
    await run(file, args, { ...options, env: { ...env, ...options.env } });
  return { file, folder, base, run: start, maintain: (...args) => start(['maintenance', ...args]) };
}

/** `hello`, which prints its version; with `wait`, it prints another file of it when it is told to go on. */
const MAIN = (version: string) => `
  console.log('hello ${version}', ...process.argv.slice(2));
  if (process.argv[2] === 'wait') process.stdin.once('data', () => {
    console.log(require('./late.js'));
    process.exit();
  });
`;

/** A project with a configuration of its own: what is made for one run of a test is not kept for the next one. */
export async function configured(program: Program, sarma: object): Promise<Program> {
  const directory = path.join(await temporaryDirectory(), 'project');
  // A dependency of this checkout is a link from where the project lies.
  await execa('cp', ['-aL', program.directory, directory]);
  await writeFile(path.join(directory, 'sarma.config.json'), JSON.stringify(sarma));
  return { ...program, directory };
}

/** A version of the program `hello`, which updates itself from a place. */
export async function helloVersion(
  place: PublishingPlace,
  version: string,
  {
    files = {},
    ...manifest
  }: { readonly files?: Readonly<Record<string, string>> } & Readonly<Record<string, unknown>> = {},
): Promise<Program> {
  const program = await makeProgram(
    { name: 'hello', version, bin: 'main.js', ...manifest },
    { 'main.js': MAIN(version), 'late.js': `module.exports = 'late ${version}';`, ...files },
  );
  return await configured(program, updatesFrom(place));
}
