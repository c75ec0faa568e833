import { execFile } from 'node:child_process';
import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Bench } from './bench.ts';
import { checkUse } from './check.ts';
import type { Command, Cost } from './measure.ts';
import type { BuildCommand, Packager } from './packager.ts';
import type { Program, Use } from './programs.ts';
import { reason } from './report.ts';

/** A file that a packager made, and that does what plain Node does. */
export interface Built {
  readonly packager: Packager;
  readonly file: string;
  /** The home it is run with. */
  readonly home: string;
  readonly build: Build;
}

/** What making it took: the cost of later builds, or the time of the first one where that was long. */
export type Build = Cost | { readonly seconds: number };

/** Why there is none. */
export interface Refusal {
  readonly packager: Packager;
  readonly refusal: string;
}

export type Outcome = Built | Refusal;

interface Attempt {
  readonly packager: Packager;
  readonly command: BuildCommand;
  readonly project: string;
  readonly file: string;
  readonly home: string;
  /** What the first build took. */
  readonly seconds: number;
}

const execute = promisify(execFile);

/** In ms: what a packager that waits for something may take before it counts as one that does not build. */
const BUILD_LIMIT = 4 * 60_000;
/** In seconds: a build that took longer is not repeated. */
const LONG_BUILD = 20;

/** Makes one file of a program with each packager, and holds what it does on `use` to what plain Node does. */
export async function packageProgram(
  bench: Bench,
  packagers: readonly Packager[],
  program: Program,
  use: Use,
): Promise<readonly Outcome[]> {
  const place = bench.disk;
  const attempts: (Attempt | Refusal)[] = [];
  for (const packager of packagers) attempts.push(await attempt(packager, program, place));
  const sound = attempts.filter((one) => 'file' in one);
  const short = sound.filter(({ seconds }) => seconds <= LONG_BUILD);
  const rounds = { ...bench.rounds(20, 3), warmups: 0, least: 1 };
  const costs = await bench.measure(short.map(buildCommand), rounds);
  for (const { project } of sound) await rm(project, { recursive: true });

  const outcomes: Outcome[] = [];
  for (const one of attempts) {
    if (!('file' in one)) outcomes.push(one);
    else {
      const { packager, file, home, seconds } = one;
      const built = { packager, file, home, build: costs[short.indexOf(one)] ?? { seconds } };
      const refused = (error: unknown) => ({
        packager,
        refusal: anonymous(reason(error), path.dirname(file)),
      });
      outcomes.push(await checkUse(bench, program, use, file, home).then(() => built, refused));
    }
  }
  return outcomes;
}

/** The first build, which fills whatever the packager caches, and shows whether it works at all. */
async function attempt(packager: Packager, program: Program, place: string): Promise<Attempt | Refusal> {
  const scratch = path.join(place, packager.name.replaceAll(/[^a-z0-9]+/gi, '-'));
  const project = path.join(scratch, 'project');
  const file = path.join(scratch, program.name);
  const home = path.join(scratch, 'home');
  await mkdir(path.join(scratch, 'tmp'), { recursive: true });
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  await cp(program.project, project, { recursive: true });
  try {
    const command = await packager.prepare({ program: { ...program, project }, output: file, scratch });
    const [build, ...args] = command.argv;
    const { directory: cwd, env } = command;
    const started = performance.now();
    await execute(build!, args, { cwd, env, timeout: BUILD_LIMIT, maxBuffer: 64 * 1024 * 1024 });
    return { packager, command, project, file, home, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    return { packager, refusal: `does not build: ${anonymous(reason(error), place)}` };
  }
}

function buildCommand({ packager, command, file }: Attempt): Command {
  return { name: packager.name, ...command, prepare: ['/bin/rm', '-f', file] };
}

/** Nothing of the machine's paths in what is published. */
function anonymous(text: string, directory: string): string {
  return text.replaceAll(directory, '…');
}
