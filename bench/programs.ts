import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

/** A program that is wrapped and run, and what it is run on. */
export interface Program {
  readonly name: string;
  readonly project: string;
  /** Relative to the project. */
  readonly entry: string;
  readonly uses: readonly Use[];
}

/** One way to run a program. */
export interface Use {
  readonly name: string;
  readonly args: readonly string[];
  /** The working directory. */
  readonly directory: string;
  /** The exit status. */
  readonly status: number;
  /** The program is a server, measured until its first answer on this port, which it finds in `PORT`. */
  readonly port?: number;
  /** The program switches on Node's compile cache by itself, with plain Node too. */
  readonly caches?: boolean;
  /** Arguments of a run that does the same and ends with 0, which a run while wrapping has to. Default: `args`. */
  readonly fill?: readonly string[];
  /** The most of plain Node's CPU time (without any compile cache) that a warm run should take (P24). */
  readonly aim?: number;
}

/** The directories below `programs/`. */
type ProjectName = 'hello' | 'prettier' | 'typescript' | 'eslint' | 'claude-code' | 'fastify';

export const PROGRAM_NAMES = [
  'hello',
  'prettier',
  'tsc',
  '_tsc',
  'eslint',
  'claude-code',
  'fastify',
] as const;

export type ProgramName = (typeof PROGRAM_NAMES)[number];

/** Finds a program, which it copies away from the checkout and all that is installed there when it is first asked for. */
export type FindProgram = (name: ProgramName) => Promise<Program>;

const TYPESCRIPT = `export interface Point { readonly x: number, readonly y: number }
export const distance = (a: Point, b: Point) => { return Math.hypot(a.x-b.x, a.y-b.y) }
const wrong: string = distance({x: 0, y: 0}, {x: 3, y: 4})
`;

const JAVASCRIPT = `const   x = 1
function f(  ){ return x; }
f();
`;

const ESLINT_CONFIG = `export default [{ rules: { semi: 'error', 'no-unused-vars': 'error' } }];
`;

/** Where the programs are kept with what npm has installed for them. */
const INSTALLED = path.join(import.meta.dirname, '.installed');

/** The programs, to be copied to `directory`. */
export async function openPrograms(directory: string): Promise<FindProgram> {
  const samples = path.join(directory, 'samples');
  await mkdir(samples);
  await writeFile(path.join(samples, 'sample.ts'), TYPESCRIPT);
  await writeFile(path.join(samples, 'sample.js'), JAVASCRIPT);
  await writeFile(path.join(samples, 'eslint.config.mjs'), ESLINT_CONFIG);
  const programs = describePrograms(samples, await freePort());
  return async (name) => {
    const { project, ...program } = programs[name];
    const copy = path.join(directory, 'projects', project);
    if (!existsSync(copy)) await cp(await installProgram(project), copy, { recursive: true });
    return { name, project: copy, ...program };
  };
}

type Described = Omit<Program, 'name' | 'project'> & { readonly project: ProjectName };

function describePrograms(directory: string, port: number): Readonly<Record<ProgramName, Described>> {
  const use = (name: string, args: readonly string[], status = 0) => ({ name, args, status, directory });
  return {
    hello: { project: 'hello', entry: 'main.js', uses: [{ ...use('hello', []), aim: 1.02 }] },
    prettier: {
      project: 'prettier',
      entry: 'node_modules/prettier/bin/prettier.cjs',
      uses: [{ ...use('prettier on a file', ['sample.ts']), caches: true, aim: 1 }],
    },
    tsc: {
      project: 'typescript',
      entry: 'node_modules/typescript/bin/tsc',
      uses: [
        { ...use('tsc --version', ['--version']), caches: true, aim: 0.6 },
        // The sample has one mistake in it: to find it and no other, the program must have found its libraries.
        {
          ...use('tsc on a file', ['--noEmit', '--pretty', 'false', '--target', 'es2022', 'sample.ts'], 2),
          caches: true,
          aim: 1,
        },
      ],
    },
    _tsc: {
      project: 'typescript',
      entry: 'node_modules/typescript/lib/_tsc.js',
      uses: [{ ...use('_tsc.js --version', ['--version']), aim: 0.6 }],
    },
    eslint: {
      project: 'eslint',
      entry: 'node_modules/eslint/bin/eslint.js',
      // One semicolon is missing.
      uses: [
        {
          ...use('eslint on a file', ['sample.js'], 1),
          fill: ['--fix-dry-run', 'sample.js'],
          caches: true,
          aim: 0.8,
        },
      ],
    },
    'claude-code': {
      project: 'claude-code',
      entry: 'node_modules/@anthropic-ai/claude-code/cli.js',
      uses: [{ ...use('claude-code --version', ['--version']), aim: 0.78 }],
    },
    fastify: {
      project: 'fastify',
      entry: 'main.js',
      uses: [{ ...use('fastify, first answer', []), port }],
    },
  };
}

/** A program that is wrapped and run as the other is, but whose release has other settings. */
export async function withSettings(
  program: Program,
  project: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<Program> {
  await cp(program.project, project, { recursive: true });
  const { name } = JSON.parse(await readFile(path.join(project, 'package.json'), 'utf8')) as { name: string };
  const config = { releases: { [name]: settings } };
  await writeFile(path.join(project, 'sarma.config.json'), JSON.stringify(config));
  return { ...program, project };
}

/** The directory of a program with its dependencies. They stay until its `package.json` is another one. */
export async function installProgram(
  name: string,
  source = path.join(import.meta.dirname, 'programs', name),
): Promise<string> {
  const manifest = await readFile(path.join(source, 'package.json'), 'utf8');
  if (!('dependencies' in JSON.parse(manifest))) return source;
  const directory = path.join(INSTALLED, name);
  const record = path.join(directory, 'node_modules/.installed.json');
  if ((await readFile(record, 'utf8').catch(() => '')) === manifest) return directory;
  await rm(directory, { recursive: true, force: true });
  await cp(source, directory, { recursive: true, filter: isSource });
  // An example that depends on a package of this checkout is farther from it here.
  const moved = manifest.replaceAll('file:../..', `file:${path.join(import.meta.dirname, '..')}`);
  await writeFile(path.join(directory, 'package.json'), moved);
  await npmInstall(directory);
  await writeFile(record, manifest);
  return directory;
}

function isSource(file: string): boolean {
  return !/[/\\](node_modules|_build|burrito_out|package-lock\.json|sarma\.lock\.json)$/.test(file);
}

/** Installs what a `package.json` names beside it. */
export async function npmInstall(directory: string): Promise<void> {
  console.error(`Installing what ${path.basename(directory)} needs …`);
  const args = ['install', '--prefix', directory, '--no-package-lock', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', args, { cwd: directory });
}

/** A port on 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('listening gave no port');
  return address.port;
}
