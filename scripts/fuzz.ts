// `npm run fuzz -- [--seconds 600] [--mode safe|release] [TARGET …]`: AFL++ on the parsers of the stub, one target after the
// other, on one core, for so many seconds altogether. Without a target: all. Ends early by Ctrl-C. What it finds lies in
// packages/stub/fuzz/found/ and makes the exit status 1; mended, it goes into packages/stub/fuzz/corpus/TARGET/ as found-NAME.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { zig } from './zig.ts';

const stub = path.resolve(import.meta.dirname, '../packages/stub');
const corpus = path.join(stub, 'fuzz/corpus');
const known = readdirSync(corpus).sort();
/** Of how a program is built: with every check that Zig has, and as the stub is. */
const MODES = ['safe', 'release'];
/** Found by coverage alone, to show that there is any. */
const PLANTED = 'planted-bug';
/** The shares of the time; of all others 1. By how much there is to find. */
const WEIGHTS: Readonly<Record<string, number>> = {
  install: 6,
  zstd: 4,
  lzma: 3,
  manifest: 3,
  stamp: 2,
  tar: 2,
};
/** What AFL++ would otherwise ask of the machine's administrator; and to run without a terminal. */
const ENVIRONMENT = {
  ...{
    AFL_SKIP_CPUFREQ: '1',
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES: '1',
    AFL_NO_UI: '1',
    AFL_TRY_AFFINITY: '1',
  },
  AFL_NO_COLOR: '1',
};

const USAGE = `usage: npm run fuzz -- [--seconds N] [--mode MODE] [TARGET …]

  --seconds N   for all together, on one core (600); Ctrl-C ends it early
  --mode MODE   ${MODES.join(' or ')}, as often as wanted (both)

Targets (all): ${known.join(', ')}; ${PLANTED}
What is found lies in packages/stub/fuzz/found/, and makes the exit status 1.`;

const { values, positionals } = readArguments();
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const seconds = Number(values.seconds);
const modes = values.mode ?? MODES;
const targets = positionals.length > 0 ? positionals : known;
if (!(seconds >= 1)) fail(`--seconds is a number from 1 on, not ${values.seconds}.`);
for (const mode of modes) if (!MODES.includes(mode)) fail(`--mode is ${MODES.join(' or ')}, not ${mode}.`);
for (const target of targets)
  if (![...known, PLANTED].includes(target)) fail(`Unknown target ${target}. Known: ${known.join(', ')}`);
if (spawnSync('afl-fuzz', ['-h']).error !== undefined)
  fail('afl-fuzz is missing: install AFL++ (Debian: afl++).');

build();
setPriority(10);
// AFL++ is not of the terminal's group: it ends by one signal, and what it found is kept.
let running: ChildProcess | undefined;
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    stopped = true;
    running?.kill('SIGINT');
  });
const runs = targets.flatMap((target) =>
  modes.map((mode) => ({ target, mode, weight: WEIGHTS[target] ?? 1 })),
);
const weights = runs.reduce((sum, { weight }) => sum + weight, 0);
const rows: Row[] = [];
for (const { target, mode, weight } of runs) {
  if (stopped) break;
  const row = await fuzz(target, mode, Math.max(1, Math.round((seconds * weight) / weights)));
  if (row !== undefined) rows.push(row);
}
console.log(table(rows));
process.exit(rows.some(({ saved }) => saved.length > 0) ? 1 : 0);

function readArguments() {
  try {
    return parseArgs({
      options: {
        seconds: { type: 'string', default: '600' },
        mode: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    fail(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function build(): void {
  console.log('Building the fuzzer; the first time takes some minutes …');
  const { status } = spawnSync(process.execPath, [zig, 'build', 'fuzz', '--summary', 'none'], {
    cwd: stub,
    stdio: 'inherit',
  });
  if (status !== 0) fail('Zig could not build the fuzzer; its messages are above.');
}

interface Row {
  readonly target: string;
  readonly mode: string;
  readonly executions: string;
  /** Edges of the program and comparisons, each that an input came to. */
  readonly coverage: string;
  /** Files: inputs that crash or hang. */
  readonly saved: readonly string[];
}

/** Undefined if it was stopped before there were results. */
async function fuzz(target: string, mode: string, time: number): Promise<Row | undefined> {
  console.log(`${target}, ${mode}: ${time} s`);
  // In memory where it can be: a target may write files for every input.
  const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sarma-fuzz-'));
  try {
    const results = path.join(folder, 'results');
    const inputs = target === PLANTED ? oneInput(folder) : path.join(corpus, target);
    // It is there to be found: that is enough.
    const untilFound = target === PLANTED && { AFL_BENCH_UNTIL_CRASH: '1' };
    const afl = spawn(
      'afl-fuzz',
      [
        ...['-i', inputs, '-o', results, '-V', String(time), '-t', '2000', '-m', 'none'],
        ...['-x', path.join(stub, 'fuzz/words.dict')],
        ...['--', path.join(stub, 'zig-out/fuzz', mode), target],
      ],
      {
        ...{ cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
        env: { ...process.env, ...ENVIRONMENT, ...untilFound },
      },
    );
    running = afl;
    const [stdout, stderr] = await Promise.all([text(afl.stdout), text(afl.stderr), once(afl, 'close')]);
    const file = path.join(results, 'default/fuzzer_stats');
    if (!existsSync(file)) {
      if (stopped) return undefined;
      throw new Error(`afl-fuzz ended without results:\n${`${stdout}${stderr}`.slice(-3000)}`);
    }
    const facts = new Map(
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.split(/\s*:\s*/, 2) as [string, string]),
    );
    const saved = ['crashes', 'hangs'].flatMap((kind) => keep(results, kind, target, mode));
    for (const found of saved) console.log(`found ${found}`);
    return {
      ...{ target, mode, saved },
      ...{ executions: facts.get('execs_done')!, coverage: facts.get('edges_found')! },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function table(rows: readonly Row[]): string {
  const head = ['target', 'mode', 'executions', 'coverage', 'crashes and hangs'];
  const cells = rows.map((row) => [
    row.target,
    row.mode,
    row.executions,
    row.coverage,
    `${row.saved.length}`,
  ]);
  const width = (column: number) => Math.max(...[head, ...cells].map((line) => line[column]!.length));
  return [head, ...cells]
    .map((line) =>
      line.map((cell, column) => cell[column < 2 ? 'padEnd' : 'padStart'](width(column))).join('  '),
    )
    .join('\n');
}

function oneInput(folder: string): string {
  const inputs = path.join(folder, 'inputs');
  mkdirSync(inputs);
  copyFileSync(path.join(corpus, 'fat/one'), path.join(inputs, 'one'));
  return inputs;
}

/** Copies what AFL++ saved to where it stays. */
function keep(results: string, kind: string, target: string, mode: string): string[] {
  const from = path.join(results, 'default', kind);
  const to = path.join(stub, 'fuzz/found');
  return readdirSync(from)
    .filter((name) => name.startsWith('id:'))
    .map((name) => {
      mkdirSync(to, { recursive: true });
      const file = path.join(to, `${target}-${mode}-${kind}-${name.slice(3, 9)}`);
      copyFileSync(path.join(from, name), file);
      return path.relative(process.cwd(), file);
    });
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
