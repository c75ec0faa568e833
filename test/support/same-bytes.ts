// What reproducible.test.ts and reproducible-anew.long.test.ts build again and again.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { makeProgram, type Program } from './programs.ts';
import { temporaryDirectory, wrapCommand } from './run.ts';

export const TARGETS = ['linux-x64', 'darwin-arm64', 'win-x64'];

export function makeSameBytes(): Promise<Program> {
  return makeProgram(
    { name: 'same-bytes', bin: 'src/main.ts', type: 'module', dependencies: { 'is-odd': '3.0.1' } },
    {
      'src/main.ts': `import isOdd from 'is-odd';\nenum Answer { Yes = 'yes' }\nconsole.log(isOdd(1) && Answer.Yes);`,
      'tsconfig.json': '{ "compilerOptions": { "module": "nodenext" } }',
      'assets/b.txt': 'b',
      'assets/a.txt': 'a',
    },
  );
}

/** Builds the project into a new directory. The lock file pins the runtimes, and belongs to the inputs. */
export async function built(project: string, env: Readonly<Record<string, string | undefined>> = {}) {
  const out = await temporaryDirectory();
  const { exitCode, stdout, stderr } = await wrapCommand(argumentsFor(project, out), { env });
  expect({ exitCode, output: exitCode === 0 ? '' : stdout + stderr }).toEqual({ exitCode: 0, output: '' });
  return hashesIn(out);
}

export const argumentsFor = (project: string, out: string) => [
  ...[project, '-t', TARGETS.join(), '--per-target', '--compression', 'fast', '-o', `${out}/`],
];

export function hashesIn(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory).map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(path.join(directory, name)))
        .digest('hex'),
    ]),
  );
}

/** A copy of the program, its files in another order, with other times and modes. */
export async function copied(program: Program, directory: string): Promise<string> {
  await mkdir(path.join(directory, 'src'), { recursive: true });
  await cp(path.join(program.directory, 'assets/b.txt'), path.join(directory, 'assets/b.txt'));
  await cp(program.directory, directory, {
    recursive: true,
    filter: (name) => !/\/(_build|burrito_out)$/.test(name),
  });
  await chmod(path.join(directory, 'assets/a.txt'), 0o600);
  return directory;
}
