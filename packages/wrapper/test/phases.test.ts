import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openExecutable } from '../src/executable-file.ts';
import { type BuildContext, planPhases } from '../src/phases.ts';
import { hostTarget, loadTargets, shippedTargets } from '../src/targets.ts';
import { type Outcome, wrap } from '../src/wrap.ts';
import { writeAssembled } from './support/assembled.ts';
import { writeNodes } from './support/darwin-node.ts';

describe('what a configuration says of phases', () => {
  test.each([
    [{ pack: {} }, {}, 'wrap.extraSteps has no "pack"; there are fetch, patch, build.'],
    [{ patch: { before: [] } }, {}, 'wrap.extraSteps.patch has no "before"; there are pre, post.'],
    [{ patch: { pre: () => {} } }, {}, 'wrap.extraSteps.patch.pre is a function; expected a list of steps.'],
    [{ patch: { post: ['files'] } }, {}, 'wrap.extraSteps.patch.post[0] is "files"; a step is a function'],
    [{}, { sign: [] }, 'wrap.phases has no "sign"; there are fetch, patch, build.'],
    [
      {},
      { build: ['pack', 'sign'] },
      'one of ours by its name: runtime, addons, resources, files, check, pack, write.',
    ],
    [[], {}, 'wrap.extraSteps is a list; expected { fetch, patch, build }.'],
  ])('%j, %j is refused', (extraSteps, phases, message) => {
    expect(() => planPhases(extraSteps, phases)).toThrow(message);
  });

  test('steps of the user stand around ours, or around the list in place of ours', () => {
    const [first, second, third] = [1, 2, 3].map(() => (context: BuildContext) => context);
    expect(planPhases({ build: { pre: [first], post: [third] } })).toEqual({
      fetch: ['runtime', 'addons'],
      patch: ['resources', 'files'],
      build: [first, 'check', 'pack', 'write', third],
    });
    const plan = planPhases({ build: { post: [third] } }, { build: [second, 'write'] });
    expect(plan.build).toEqual([second, 'write', third]);
  });
});

describe('steps of the user', { timeout: 60_000 }, () => {
  let root: string;
  let directory: string;
  let output: string;

  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'phases-'));
    directory = await writeAssembled(path.join(root, 'release'));
  });
  beforeEach(() => {
    output = path.join(root, `out-${Math.random()}`);
  });
  afterAll(async () => {
    await rm(root, { recursive: true });
  });

  const build = async (
    extraSteps: Record<string, unknown>,
    phases: Record<string, unknown> = {},
  ): Promise<Outcome> => {
    const targets = [hostTarget(await loadTargets(root))];
    const [outcome] = await wrap({
      directory,
      targets,
      output,
      project: root,
      range: process.execPath,
      compression: 'none',
      extraSteps,
      phases,
    });
    return outcome!;
  };
  const errorOf = async (...given: Parameters<typeof build>) => {
    const outcome = await build(...given);
    expect('error' in outcome).toBe(true);
    await expect(access(output)).rejects.toThrow();
    return (outcome as { error: Error & { code?: string } }).error;
  };

  test('are called with what was done so far, and what they return is gone on with', async () => {
    const seen: [string, ...unknown[]][] = [];
    const outcome = await build({
      fetch: { pre: [(context: BuildContext) => seen.push(['fetch', context.runtime]) && context] },
      build: {
        pre: [(context: BuildContext) => seen.push(['build', context.runtime?.version]) && context],
        post: [(context: BuildContext) => ({ ...context, artifacts: [{ name: 'mine' }] })],
      },
    });
    expect(seen).toEqual([
      ['fetch', undefined],
      ['build', process.versions.node],
    ]);
    expect(outcome).toMatchObject({ artifacts: [{ name: 'mine' }] });
  });

  test('find in patch a copy of the directory, which is packed and then gone', async () => {
    let copy = '';
    const addLicence = async (context: BuildContext) => {
      copy = context.directory;
      await writeFile(path.join(copy, 'LICENCE'), 'free');
      return context;
    };
    await build({ patch: { post: [addLicence] } });
    const executable = await openExecutable(output);
    await executable.close();
    expect(executable.manifest.files.map((file) => file.path)).toContain('LICENCE');
    expect(copy).not.toBe(directory);
    await expect(access(copy)).rejects.toThrow();
    await expect(access(path.join(directory, 'LICENCE'))).rejects.toThrow();
  });

  test('may lay files over the directory without a copy', async () => {
    const content = Buffer.from('console.log("other")');
    const file = { path: 'entry.js', mode: 0o644, size: content.length, content };
    await build({ fetch: { post: [(context: BuildContext) => ({ ...context, files: [file] })] } });
    const executable = await openExecutable(output);
    await executable.close();
    expect(executable.manifest.files.find(({ path }) => path === 'entry.js')?.size).toBe(content.length);
    expect(await readFile(path.join(directory, 'entry.js'), 'utf8')).toContain('small');
  });

  test('that return nothing, halt or throw end the build, which names them', async () => {
    const forgets = () => undefined;
    const stops = (context: BuildContext) => ({ ...context, halted: true });
    const throws = () => Promise.reject(new Error('no licence'));
    expect(await errorOf({ patch: { pre: [forgets] } })).toMatchObject({
      code: 'STEP_RESULT',
      message: expect.stringContaining('Step forgets of patch returned no build context for'),
    });
    expect(await errorOf({ build: { pre: [stops] } })).toMatchObject({
      code: 'STEP_HALTED',
      message: expect.stringContaining('Step stops of build halted the build for'),
    });
    expect(await errorOf({ fetch: { post: [throws] } })).toMatchObject({
      code: 'STEP_FAILED',
      message: expect.stringMatching(/^Step throws of fetch failed for .*: no licence$/),
    });
  });

  test('that replace a phase and leave out what the next one needs are told what', async () => {
    expect(await errorOf({}, { fetch: [] })).toMatchObject({
      code: 'STEP_MISSING',
      message: expect.stringContaining('has no runtime: wrap.phases.fetch needs the step "runtime"'),
    });
    expect(await errorOf({}, { build: ['write'] })).toMatchObject({ code: 'STEP_MISSING' });
  });

  test('may name ours in another order: what comes behind `check` is packed, too', async () => {
    await build({}, { patch: ['resources'], build: ['check', 'files', 'pack', 'write'] });
    const executable = await openExecutable(output);
    await executable.close();
    const files = executable.manifest.files.map((file) => file.path);
    expect(files).toEqual(expect.arrayContaining(['releases/start.json', 'releases/1.0.0/guard.cjs']));
  });

  test('that leave out what Windows shows of a program are told so, and other systems need it not', async () => {
    const range = await writeNodes(path.join(root, 'nodes'), {
      'win-x64': '24.1.0',
      'darwin-arm64': '24.1.0',
    });
    const targets = ['win-x64', 'darwin-arm64'].map((name) => shippedTargets.get(name)!);
    for (const kind of ['cli', 'service']) {
      const directory = await writeAssembled(path.join(root, `release-${kind}`), { kind });
      const phases = { patch: ['files'] };
      const given = { directory, targets, project: root, range, compression: 'none', phases } as const;
      const [windows, macos] = await wrap({ ...given, output: `${output}-${kind}/` });
      expect(windows).toMatchObject({
        error: {
          code: 'STEP_MISSING',
          message:
            'The build of win-x64 has no resources: wrap.phases.patch needs the step "resources", or one that returns resources.',
        },
      });
      expect(macos).toMatchObject({ artifacts: [{ target: 'darwin-arm64' }] });
    }
  });

  test('that take the entry away are found out', async () => {
    const removes = async (context: BuildContext) => {
      await rm(path.join(context.directory, 'entry.js'));
      return context;
    };
    expect((await errorOf({ patch: { pre: [removes] } })).message).toContain(
      'entry.js, the entry of small, is not in the assembled release',
    );
  });
});
