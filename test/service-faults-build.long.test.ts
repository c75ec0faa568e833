// A service that cannot be built says why, in a sentence: docs/release.md, "Definition" and "Configuration".
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { listing } from './support/installs.ts';
import { writeFiles } from './support/programs.ts';
import { type RunOptions, runCommand, temporaryDirectory } from './support/run.ts';

let project: string;

beforeEach(async () => {
  project = await temporaryDirectory();
  await writeFiles(project, {
    'package.json': JSON.stringify({
      name: 'web',
      version: '1.0.0',
      type: 'module',
      sarma: { application: './application.js' },
    }),
    'application.js': 'export default { start() {} };',
  });
});

const configured = async (text: string) =>
  await writeFile(
    path.join(project, 'sarma.config.ts'),
    `import { defineConfig } from 'sarma';\nexport default defineConfig(${text});\n`,
  );

/** Exit code 1, the sentence, no stack, and nothing that looks like a release. */
async function fails(says: RegExp, args: readonly string[] = [], options: RunOptions = {}) {
  const command = ['wrap', ...args, '--current', '--runtime', process.execPath, '--compression', 'fast'];
  const { exitCode, stderr } = await runCommand(command, { cwd: project, ...options });
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/fault in Sarma|^ {4}at /m);
  expect(exitCode).toBe(1);
  expect(await readdir(project)).not.toContain('burrito_out');
}

describe('what is refused:', () => {
  test('a release that is not there, with those that are', async () => {
    await configured("{ releases: { web: {}, web_admin: { kind: 'cli', entry: 'application.js' } } }");
    await fails(/wbe.*web, web_admin/, ['wbe']);
    await fails(/wbe.*web, web_admin/, ['--release', 'wbe']);
  });

  test('of several releases none named, with all of them', async () => {
    await configured('{ releases: { web: {}, web_admin: {} } }');
    await fails(/web, web_admin/);
  });

  test.each([
    ['nothing', '() => {}', 'returned nothing'],
    ['something else', '() => ({ name: "web" })', 'returned something else'],
    ['a promise of nothing', 'async () => null', 'returned'],
  ])(
    'a step that returns %s instead of a release: its name and what it must return',
    async (_what, step, says) => {
      await configured(`(() => { const stamp = ${step}; return { steps: ['assemble', stamp, 'wrap'] }; })()`);
      await fails(new RegExp(`The step stamp of web ${says}.*; a step must return a release`));
    },
  );

  test('steps without assemble, or with it twice', async () => {
    await configured("{ steps: ['wrap'] }");
    await fails(/sarma\.config\.ts.*steps.*"assemble" exactly once, found it nowhere/);
    await configured("{ steps: ['assemble', 'assemble', 'wrap'] }");
    await fails(/"assemble" exactly once, found it 2 times/);
  });

  test('a configuration value that cannot be serialised: application, key and what it is', async () => {
    await configured('{}');
    const values = [
      ['() => 1', 'a function'],
      ['new Map()', 'an instance of Map'],
      ['10n', 'a bigint'],
      ['NaN', 'NaN'],
    ] as const;
    for (const [value, found] of values) {
      await writeFiles(project, {
        'config/config.ts': `export default { web: { servers: [{ handler: ${value} }] } };`,
      });
      await fails(new RegExp(`config/config\\.ts.*servers\\.0\\.handler.*web.*${found}`));
    }
  });

  test('a config provider that fails in init, or exports nothing to load: its name', async () => {
    await configured("{ configProviders: ['./vault.ts'] }");
    await writeFiles(project, {
      'vault.ts': 'export default { init() { throw new Error("sealed"); }, load: () => ({}) };',
    });
    await fails(/init of the config provider .*vault\.ts failed: sealed/);
    await writeFiles(project, { 'vault.ts': 'export default {};' });
    await fails(/vault\.ts.*exports no function load/);
    await configured("{ configProviders: ['./valut.ts'] }");
    await fails(/valut\.ts/);
  });

  test('applications that are unknown, or whose mode is', async () => {
    await configured("{ applications: { wbe: 'permanent' } }");
    await fails(/wbe/);
    await configured("{ applications: { web: 'forever' } }");
    await fails(/applications\.web: expected one of "permanent".*found "forever"/);
  });

  test('a wrapped release without a runtime, which could not start anywhere', async () => {
    await configured('{ runtime: { include: false } }');
    await fails(/include/);
  });
});

test('a build that fails leaves the release that was assembled before as it was', async () => {
  await configured('{}');
  const assemble = async () =>
    await runCommand(['assemble', '--runtime', process.execPath], { cwd: project, env: {} });
  expect((await assemble()).exitCode).toBe(0);
  const before = await listing(path.join(project, '_build'));
  await writeFiles(project, { 'config/config.ts': 'export default { web: { now: () => 1 } };' });
  expect((await assemble()).exitCode).toBe(1);
  expect(await listing(path.join(project, '_build'))).toEqual(before);
});
