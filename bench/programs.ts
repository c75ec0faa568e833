import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

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
  readonly status: number;
  /** The most of plain Node's CPU time that a warm run should take (P24). */
  readonly aim: number;
  /** How many rounds a comparison of warm runs takes. */
  readonly rounds: number;
}

const SAMPLE = `export interface Point { readonly x: number, readonly y: number }
export const distance = (a: Point, b: Point) => { return Math.hypot(a.x-b.x, a.y-b.y) }
const wrong: string = distance({x: 0, y: 0}, {x: 3, y: 4})
`;

/** Copies the programs to `directory`, away from the packages that the bench itself has installed. */
export async function placePrograms(directory: string): Promise<readonly Program[]> {
  const installed = path.join(import.meta.dirname, 'node_modules');
  const sources = {
    hello: path.join(import.meta.dirname, 'programs/hello'),
    prettier: path.join(installed, 'prettier'),
    typescript: path.join(installed, 'typescript'),
  };
  const project = (name: keyof typeof sources) => path.join(directory, 'projects', name);
  for (const name of ['hello', 'prettier', 'typescript'] as const) {
    await cp(sources[name], project(name), { recursive: true });
  }
  const samples = path.join(directory, 'samples');
  await mkdir(samples);
  const sample = path.join(samples, 'sample.ts');
  await writeFile(sample, SAMPLE);
  return [
    {
      name: 'hello',
      project: project('hello'),
      entry: 'main.js',
      uses: [{ name: 'hello', args: [], status: 0, aim: 1.02, rounds: 300 }],
    },
    {
      name: 'prettier',
      project: project('prettier'),
      entry: 'bin/prettier.cjs',
      uses: [{ name: 'prettier on a file', args: [sample], status: 0, aim: 1.0, rounds: 100 }],
    },
    {
      name: 'tsc',
      project: project('typescript'),
      entry: 'lib/tsc.js',
      uses: [
        // The sample has one mistake in it: to find it and no other, the program must have found its libraries.
        {
          name: 'tsc on a file',
          args: ['--noEmit', '--pretty', 'false', '--target', 'es2022', sample],
          status: 2,
          aim: 1.0,
          rounds: 30,
        },
        { name: 'tsc --version', args: ['--version'], status: 0, aim: 0.6, rounds: 100 },
      ],
    },
  ];
}
