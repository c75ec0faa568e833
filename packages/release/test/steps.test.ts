import { describe, expect, test } from 'vitest';
import { loadRelease, type Release, runSteps } from '../src/index.ts';
import { checkSteps, type StepActions } from '../src/steps.ts';
import { project } from './support/project.ts';

/** A release of a project with these lines as its configuration. */
async function load(config: string): Promise<Release> {
  const root = project({
    'package.json': { name: 'own' },
    'index.js': '',
    'sarma.config.mjs': `export const log = globalThis.log ??= [];\nexport default ${config};`,
  });
  return await loadRelease({ project: root });
}

/** Runs steps with actions that only say that they were called; gives what was said by them and by the user's code. */
async function run(config: string) {
  const log: string[] = [];
  (globalThis as { log?: string[] }).log = log;
  const action = (name: string) => async (release: Release) => {
    log.push(`${name} ${release.name}`);
    return release;
  };
  const actions: StepActions = {
    assemble: action('assemble'),
    appup: action('appup'),
    relup: action('relup'),
    tar: action('tar'),
    wrap: action('wrap'),
  };
  try {
    return { log, done: await runSteps(await load(config), actions, ({ message }) => log.push(message)) };
  } finally {
    delete (globalThis as { log?: string[] }).log;
  }
}

describe('steps', () => {
  const wrong: readonly [unknown[], RegExp][] = [
    [['wrap'], /kv: steps: expected "assemble" exactly once, found it nowhere/],
    [['assemble', 'assemble'], /"assemble" exactly once, found it 2 times/],
    [['tar', 'assemble'], /expected "tar" behind "assemble", found it before/],
    [['assemble', 'wrap', 'wrap'], /"wrap" at most once, found it 2 times/],
    [['assemble', 'push'], /"push" is no step/],
    [['appup', 'assemble'], /expected "appup" behind "assemble", found it before/],
    [['assemble', 'relup', 'relup'], /"relup" at most once, found it 2 times/],
    [['assemble', 'relup', 'appup'], /expected "relup" behind "appup", found it before/],
    [['assemble', 'tar', 'relup'], /expected "tar" behind "relup", found it before/],
    [['assemble', 'wrap', 'relup'], /expected "wrap" behind "relup", found it before/],
  ];
  test.each(wrong)('%j are refused', (steps, message) => {
    expect(() => checkSteps(steps, 'kv')).toThrow(message);
  });

  test('in an order that cannot work are refused before anything is done', async () => {
    await expect(load("{ steps: ['tar', 'assemble'] }")).rejects.toMatchObject({
      code: 'STEPS_INVALID',
      message: expect.stringContaining('sarma.config.mjs: steps: expected "tar" behind "assemble"'),
    });
  });

  test('are done one after the other, functions among them', async () => {
    const { log, done } = await run(`{ steps: [
      function before(release) { log.push('remain ' + release.steps.length); return release; },
      'assemble',
      async (release) => ({ ...release, overlayVars: { changed: true } }),
      'tar', 'wrap',
    ] }`);
    expect(log).toEqual(['step before', 'remain 4', 'assemble own', 'step number 3', 'tar own', 'wrap own']);
    expect(done.overlayVars).toEqual({ changed: true });
  });

  test('that remain can be changed by a function, within the same rules', async () => {
    const skip = "(release) => ({ ...release, steps: release.steps.filter((step) => step !== 'tar') })";
    expect((await run(`{ steps: [${skip}, 'assemble', 'tar', 'wrap'] }`)).log).toEqual([
      'step number 1',
      'assemble own',
      'wrap own',
    ]);
    const again = "function again(release) { return { ...release, steps: ['assemble'] }; }";
    await expect(run(`{ steps: ['assemble', ${again}] }`)).rejects.toMatchObject({
      code: 'STEPS_INVALID',
      message: expect.stringMatching(/^own, after the step again: steps: expected "assemble" exactly once/),
    });
  });

  test('a function that returns no release is named', async () => {
    await expect(run("{ steps: ['assemble', function forgetful() {}] }")).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: expect.stringMatching(
        /The step forgetful of own returned nothing; a step must return a release/,
      ),
    });
    await expect(run("{ steps: ['assemble', () => ({ name: 'x' })] }")).rejects.toThrow(
      /The step number 2 of own returned something else/,
    );
  });

  test('a function that throws is named, and the cause kept', async () => {
    const failing = "function sign() { throw new RangeError('no key'); }";
    await expect(run(`{ steps: ['assemble', ${failing}] }`)).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: 'The step sign of own failed: no key',
      cause: expect.objectContaining({ name: 'RangeError' }),
    });
  });
});

test('a release of links is not packed', async () => {
  const linked = await load("{ devMode: true, steps: ['assemble', 'tar', 'wrap'] }");
  expect(linked.steps).toEqual(['assemble']);
  const actions = {} as StepActions;
  const packed = runSteps({ ...linked, steps: ['assemble', 'wrap'] }, actions, () => {});
  await expect(packed).rejects.toThrow(/environment prod \(devMode\) it is made of links/);
});

describe('build hooks', () => {
  test('are called around assembly and around packaging as a whole', async () => {
    const say = (name: string) => `${name}: ({ name }) => { log.push('${name} ' + name); }`;
    const { log } = await run(`{ steps: ['assemble', 'tar', 'wrap'], buildHooks: {
      ${say('beforeAssembly')}, ${say('beforePackage')}, ${say('afterPackage')},
      afterAssembly: [async () => { log.push('one'); }, () => { log.push('two'); }],
    } }`);
    expect(log).toEqual([
      'beforeAssembly own',
      'assemble own',
      'one',
      'two',
      'beforePackage own',
      'tar own',
      'wrap own',
      'afterPackage own',
    ]);
  });

  test('one that throws ends the build by its name', async () => {
    await expect(
      run("{ buildHooks: { beforePackage: () => { throw new Error('not today'); } } }"),
    ).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: 'The build hook beforePackage of own failed: not today',
    });
  });
});
