// The workflows of this repository, and those that `sarma init --github-actions` writes: GitHub would take them, they may do no
// more than they have to, and what they try executables with is run here.
import { createHash } from 'node:crypto';
import { appendFile, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hostTarget, loadTargets } from '@sarma/wrapper';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeProgram, writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { runCommand, temporaryDirectory, wrapProgram } from './support/run.ts';
import { workflowParser } from './support/workflow-parser.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const OWN = path.join(ROOT, '.github/workflows');
const WORKFLOW = '.github/workflows/release.yml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: { readonly include: readonly { readonly target: string }[] } };
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const PROGRAM = { 'package.json': '{ "name": "it", "version": "1.0.0", "bin": "it.js" }', 'it.js': '' };
const SERVICE = {
  'package.json': '{ "name": "it", "sarma": { "application": "./a.js" }, "scripts": { "build": "x" } }',
  'a.js': '',
  'pnpm-lock.yaml': '',
};

/** What `sarma init --github-actions` writes into a repository whose project lies in that folder. */
async function written(files: Readonly<Record<string, string>>, folder = '.'): Promise<string> {
  const repository = await temporaryDirectory();
  await mkdir(path.join(repository, '.git'));
  await writeFiles(path.join(repository, folder), files);
  const { exitCode, stdout, stderr } = await runCommand([
    ...['init', path.join(repository, folder), '--github-actions'],
  ]);
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toContain('release.yml');
  return await readFile(path.join(repository, WORKFLOW), 'utf8');
}

const texts: Record<string, string> = {};
const workflows: Record<string, Workflow> = {};

beforeAll(async () => {
  mistakes = await workflowParser();
  Object.assign(texts, {
    'ci.yml of this repository': await readFile(path.join(OWN, 'ci.yml'), 'utf8'),
    'release.yml of this repository': await readFile(path.join(OWN, 'release.yml'), 'utf8'),
    'what init writes for a program': await written(PROGRAM),
    'what init writes for a service in a folder': await written(SERVICE, "apps/it's"),
  });
  for (const [name, text] of Object.entries(texts)) workflows[name] = parse(text) as Workflow;
});

let mistakes: (text: string) => readonly string[];

const NAMES = [
  'ci.yml of this repository',
  'release.yml of this repository',
  'what init writes for a program',
  'what init writes for a service in a folder',
] as const;
const RELEASES = NAMES.slice(1);

describe.each(NAMES)('%s', (name) => {
  const steps = () => Object.values(workflows[name]!.jobs).flatMap((job) => job.steps);

  test("has no mistake that GitHub's own parser finds", () => {
    expect(mistakes(texts[name]!)).toEqual([]);
  });

  test('puts nothing into a script but by the environment', () => {
    expect(steps().filter(({ run }) => run?.includes('${{'))).toEqual([]);
  });

  test("uses no actions but GitHub's own", () => {
    const used = steps().flatMap(({ uses }) => (uses === undefined ? [] : [uses]));
    expect(used.filter((one) => !/^actions\/[\w-]+@v\d+$/.test(one))).toEqual([]);
  });

  test('tries a runner for each target that it builds', () => {
    const { env, jobs } = workflows[name]!;
    const built = (env ?? jobs.build!.env)!.SARMA_TARGET!;
    const rows = (jobs.smoke ?? jobs.run)!.strategy!.matrix.include.map(({ target }) => target);
    expect(rows).toEqual(built.split(','));
  });

  test.skipIf(lacks('shellcheck'))('has scripts in which shellcheck finds nothing', async () => {
    for (const { run } of steps()) {
      if (run === undefined) continue;
      // $SMOKE is several words on purpose.
      const options = ['--shell=bash', '--exclude=SC2086', '-'];
      const { stdout } = await execa('shellcheck', options, { input: `${run}\n`, reject: false });
      expect(stdout).toBe('');
    }
  });
});

describe.each(RELEASES)('%s', (name) => {
  test('publishes what was started on every system, and nothing before', () => {
    const { draft, smoke, publish } = workflows[name]!.jobs;
    expect([smoke!.needs, publish!.needs]).toEqual(['draft', 'smoke']);
    const publishing = (job: Job) => job.steps.filter(({ run }) => /sarma.* publish\b/.test(run ?? ''));
    expect(publishing(draft!).map(({ run }) => run!.includes('--draft'))).toEqual([true]);
    expect(publishing(smoke!)).toEqual([]);
    expect(publishing(publish!).map(({ run }) => run!.includes('--draft'))).toEqual([false]);
  });

  // It would look for pnpm before there is one, and a cache may be filled by runs that are trusted less.
  test('takes nothing from a cache', () => {
    const nodes = Object.values(workflows[name]!.jobs)
      .flatMap((job) => job.steps)
      .filter(({ uses }) => uses?.startsWith('actions/setup-node@'));
    expect(nodes.length).toBeGreaterThan(1);
    for (const step of nodes) expect(step.with).toMatchObject({ 'package-manager-cache': false });
  });

  test('lets each job do what it names, and gives keys and tokens to the steps that need them', () => {
    const { permissions, jobs } = workflows[name]!;
    expect(permissions).toEqual({});
    expect(jobs.draft!.permissions).toEqual({
      ...{ contents: 'write', 'id-token': 'write', attestations: 'write' },
    });
    expect(jobs.smoke!.permissions).toEqual({ contents: 'write' });
    expect(jobs.publish!.permissions).toEqual({ contents: 'write' });
    for (const { env = {}, run, uses } of Object.values(jobs).flatMap((job) => job.steps)) {
      const values = Object.values(env).join();
      if (values.includes('secrets.')) expect(run).toContain('publish');
      if (values.includes('github.token')) expect(run).toMatch(/sarma.* publish|gh release download/);
      expect(uses === undefined || values === '').toBe(true);
    }
  });
});

test('a workflow with a mistake in it is not taken', async () => {
  const text = texts['what init writes for a program']!;
  expect(mistakes(text.replace('contents: write', 'contents: wirte'))).not.toEqual([]);
  expect(mistakes(text.replace('runs-on:', 'run-on:'))).not.toEqual([]);
  expect(mistakes(text.replace('github.token', 'gihub.token'))).not.toEqual([]);
});

test('what init writes suits the project: its package manager, its build, its folder, its kind', () => {
  const program = texts['what init writes for a program']!;
  const service = texts['what init writes for a service in a folder']!;
  expect(program).toMatch(/- run: npm ci\n(?:.*\n){3} {6}- run: npx --no-install sarma wrap\n/);
  expect(program).toContain('SMOKE: "--version"');
  expect(service).toMatch(
    /pnpm install --frozen-lockfile\n(?:.*\n){3} {6}- run: npm run build\n {6}- run: pnpm exec sarma wrap\n/,
  );
  expect(service).toContain('SMOKE: "version"');
  expect(parse(service).jobs.draft.defaults.run['working-directory']).toBe("apps/it's");
  expect(parse(service).jobs.draft.steps.at(-1).with['subject-path']).toBe(
    "apps/it's/burrito_out/publish/*/*\n!apps/it's/burrito_out/publish/packagers",
  );
});

describe("the Sarma that init's workflow runs", () => {
  const steps = (text: string) =>
    Object.values((parse(text) as Workflow).jobs)
      .flatMap((job) => job.steps.map(({ run = '' }) => run))
      .filter((run) => / sarma /.test(run));

  test("is that of the project's lock file, whoever else publishes one of that name", () => {
    const program = steps(texts['what init writes for a program']!);
    expect(program).toHaveLength(5);
    for (const run of program) expect(run).toMatch(/^npx --no-install sarma /);
    for (const run of steps(texts['what init writes for a service in a folder']!))
      expect(run).toMatch(/^pnpm exec sarma /);
  });

  test('is looked for before it gets the key, and where it is missing a sentence says what to do', async () => {
    const [first] = steps(texts['what init writes for a program']!);
    const cwd = await temporaryDirectory();
    await writeFiles(cwd, PROGRAM);
    // Nobody there: nothing can be fetched.
    const env = { CI: 'true', npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0' };
    const run = () => execa('bash', ['-eo', 'pipefail', '-c', first!], { cwd, env, reject: false });
    const missing = await run();
    expect(missing.exitCode).toBe(1);
    expect(missing.stdout).toBe(
      '::error::Sarma is not installed. Add it to the devDependencies: npm install --save-dev sarma',
    );
    await mkdir(path.join(cwd, 'node_modules/.bin'), { recursive: true });
    await writeFile(path.join(cwd, 'node_modules/.bin/sarma'), '#!/bin/sh\necho own "$@"\n', { mode: 0o755 });
    expect(await run()).toMatchObject({ exitCode: 0, stdout: 'own --version' });
  });

  test('is missing in a project that does not name it, and init says so, and what else is wanted', async () => {
    const said = async (manifest: object) => {
      const directory = await temporaryDirectory();
      await writeFiles(directory, { ...PROGRAM, 'package.json': JSON.stringify(manifest) });
      return (await runCommand(['init', directory, '--github-actions'])).stdout;
    };
    const manifest = JSON.parse(PROGRAM['package.json']) as object;
    expect(await said(manifest)).toContain(
      'not among its devDependencies yet: npm install --save-dev sarma\n',
    );
    const complete = await said({ ...manifest, devDependencies: { sarma: '^0.1.0' } });
    expect(complete).not.toContain('devDependencies');
    expect(complete).toContain('gh secret set SARMA_SIGNING_KEY < release.key');
  });
});

describe.skipIf(process.platform !== 'linux')('the script that tries the executables of a draft', () => {
  let executable: string;
  let target: string;

  beforeAll(async () => {
    executable = await wrapProgram(
      await makeProgram(
        { name: 'tried', bin: 'main.js' },
        {
          'main.js':
            "console.log('tried', process.argv[2]); if (process.argv[2] === '--fail') process.exit(3);",
        },
      ),
    );
    target = hostTarget(await loadTargets(ROOT)).name;
  });

  /** Runs it as GitHub does, in a folder with what the step before it has downloaded. */
  async function tried(
    change: (file: string, sums: string) => Promise<void> = async () => {},
    SMOKE = '--version',
  ) {
    const folder = await temporaryDirectory();
    const file = path.join(folder, `tried_${target}`);
    const sums = path.join(folder, 'SHA256SUMS');
    await copyFile(executable, file);
    const sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    const others = `${'0'.repeat(64)}  tried_${target}.tar.gz\n${'0'.repeat(64)}  tried_win-x86.exe\n`;
    await writeFile(sums, `${sha256}  tried_${target}\n${others}`);
    await change(file, sums);
    const script = workflows['what init writes for a program']!.jobs.smoke!.steps.at(-1)!.run!;
    return await execa('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
      cwd: folder,
      env: { TARGET: target, SMOKE, SARMA_CACHE_DIR: await temporaryDirectory() },
      reject: false,
    });
  }

  test('starts them', async () => {
    const { exitCode, stdout } = await tried();
    expect(stdout).toContain('tried --version');
    expect(exitCode).toBe(0);
  });

  test('fails where one does', async () => {
    expect((await tried(undefined, '--fail')).exitCode).toBe(3);
  });

  test('fails for other bytes than those of SHA256SUMS, and starts none', async () => {
    const { exitCode, stdout } = await tried((file) => appendFile(file, ' '));
    expect(exitCode).not.toBe(0);
    expect(stdout).not.toContain('tried --version');
  });

  test('fails where the draft has none for the target', async () => {
    const { exitCode } = await tried((_, sums) => writeFile(sums, `${'0'.repeat(64)}  tried_win-x86.exe\n`));
    expect(exitCode).not.toBe(0);
  });
});
