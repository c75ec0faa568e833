import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { folder, sarma } from './support/sarma.ts';

// docs/cli.md: `sarma conform new`, `configure`, `effective`.

const project = (more: Readonly<Record<string, string>> = {}) =>
  folder({
    'package.json': JSON.stringify({
      name: 'door',
      version: '1.0.0',
      type: 'module',
      sarma: { application: './application.js' },
    }),
    'application.js': 'export default { start() {} };\n',
    'config/config.ts': `
      import { env } from '@sarma/app';
      export default {
        door: {
          port: env('DOOR_PORT', 'integer', 4200),
          greeting: "it's open",
          password: 'hunter2',
          wait: { first: 0.5, retries: [1, 2] },
          rules: [{ from: 'anywhere' }],
        },
      };`,
    ...more,
  });

const schema = (mappings: string) => ({
  'config/door.schema.ts': `
    import { defineSchema } from '@sarma/conform';
    export default defineSchema({ mappings: ${mappings} });`,
});

const read = (directory: string, name: string) => readFile(path.join(directory, name), 'utf8');

test('`conform new` makes a schema of config/config.ts: types, defaults, variables, and no secret', async () => {
  const directory = await project();
  const { exitCode, stdout, stderr } = await sarma(['conform', 'new'], { directory });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(
    /^wrote config\/door\.schema\.ts\n.*configProviders: \[\{ module: '@sarma\/conform'/,
  );
  const text = await read(directory, 'config/door.schema.ts');
  expect(text).toContain(
    "    'door.port': {\n      datatype: 'integer',\n      default: 4200,\n      envVar: 'DOOR_PORT',\n",
  );
  expect(text).toContain("      default: 'it\\'s open',\n");
  expect(text).toContain(
    "    'door.wait.retries': {\n      datatype: { list: 'integer' },\n      default: [1, 2],\n",
  );
  expect(text).toContain('    // door.rules is a list of more than single values');
  expect(text).not.toContain('hunter2');
});

test('what `conform new` has made works with `configure` and `effective` as it is', async () => {
  const directory = await project();
  await sarma(['conform', 'new'], { directory });
  expect(await sarma(['conform', 'configure'], { directory })).toEqual({
    exitCode: 0,
    stdout: 'wrote config/door.prod.conf\n',
    stderr: '',
  });
  const conf = await read(directory, 'config/door.prod.conf');
  expect(conf).toMatch(/^# door\.port = 4200$/m);
  expect(conf).toMatch(/^# door\.password =$/m);
  const { stdout, exitCode } = await sarma(['conform', 'effective', '--json'], { directory });
  expect(exitCode).toBe(0);
  const found = JSON.parse(stdout) as { key: string; value: unknown; source: string }[];
  expect(found).toContainEqual({ key: 'door.greeting', value: "it's open", source: 'default' });
  expect(found).toContainEqual({ key: 'door.password', value: '********', source: 'build' });
  expect(found).toContainEqual({ key: 'door.rules', value: [{ from: 'anywhere' }], source: 'build' });
});

test('`conform new` overwrites nothing without --force', async () => {
  const directory = await project({ 'config/door.schema.ts': 'mine' });
  const refused = await sarma(['conform', 'new'], { directory });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/config\/door\.schema\.ts: is there already\. --force replaces it/);
  expect(await read(directory, 'config/door.schema.ts')).toBe('mine');
  expect((await sarma(['conform', 'new', '--force'], { directory })).exitCode).toBe(0);
  expect(await read(directory, 'config/door.schema.ts')).toContain('defineSchema');
});

test('`conform configure` keeps what a person has set, noted and protected', async () => {
  const directory = await project(
    schema(`{ 'door.port': { datatype: 'integer', default: 1, doc: 'Where.' } }`),
  );
  const file = path.join(directory, 'config/door.staging.conf');
  await writeFile(file, '# ours\ndoor.port = 5000 # for now\n');
  await chmod(file, 0o600);
  const { stdout } = await sarma(['conform', 'configure', '--env', 'staging'], { directory });
  expect(stdout).toBe('wrote config/door.staging.conf; what was set in it stays\n');
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(/\n## Where\.\n(## .*\n)+# ours\ndoor\.port = 5000 # for now\n$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await sarma(['conform', 'configure', '--env', 'staging'], { directory });
  expect(await readFile(file, 'utf8')).toBe(text);
});

test('`conform configure` leaves a file in another encoding as it is, and names its line', async () => {
  const directory = await project(schema(`{ 'door.password': {} }`));
  const file = path.join(directory, 'config/door.prod.conf');
  const latin = Buffer.from('# ours\ndoor.password = gr\u00fcn\n', 'latin1');
  await writeFile(file, latin);
  const { exitCode, stderr } = await sarma(['conform', 'configure'], { directory });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^error: config\/door\.prod\.conf:2: the text is not in UTF-8/);
  expect(await readFile(file)).toEqual(latin);
});

test('a module that exports no schema is named', async () => {
  const directory = await project({ 'config/door.schema.ts': 'export const schema = {};' });
  const refused = await sarma(['conform', 'configure'], { directory });
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^error: config\/door\.schema\.ts: the schema has no default export/);
  await writeFile(path.join(directory, 'config/door.schema.ts'), 'export default { mapping: {} };');
  expect((await sarma(['conform', 'configure'], { directory })).stderr).toContain(
    'expected a schema such as',
  );
});

test('a mistake in a schema is told with its file, whether defineSchema or Sarma finds it', async () => {
  const wrong = "{ mappings: { 'door.port': { datatype: 'number' } } }";
  for (const source of [
    `import { defineSchema } from '@sarma/conform'; export default defineSchema(${wrong});`,
    `export default ${wrong};`,
  ]) {
    const directory = await project({ 'config/door.schema.ts': source });
    const { exitCode, stderr } = await sarma(['conform', 'configure'], { directory });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: config\/door\.schema\.ts: door\.port: datatype: there is no 'number'/);
  }
});

test('`conform effective` tells where each value comes from: file and line, variable, default, build', async () => {
  const directory = await project({
    ...schema(`{
      'door.port': { datatype: 'integer', default: 1, envVar: 'MY_PORT' },
      'door.level': { datatype: { enum: ['quiet', 'loud'] }, default: 'quiet' },
      'door.password': {},
    }`),
    'config/door.conf': '# first\ndoor.password = opensesame\n',
    'other.conf': 'door.level = loud\n',
  });
  const environment = { MY_PORT: '77' };
  const { stdout } = await sarma(['conform', 'effective', '--app', 'door'], { directory, environment });
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +#/, ' #'));
  expect(lines).toEqual([
    'door.port = 77 # $MY_PORT',
    `door.greeting = "it's open" # build`,
    "door.password = '********' # config/door.conf:2",
    'door.wait.first = 0.5 # build',
    'door.wait.retries = [ 1, 2 ] # build',
    "door.rules = [ { from: 'anywhere' } ] # build",
    "door.level = 'quiet' # default",
  ]);
  const one = ['conform', 'effective', '--key', 'door.level', '--conf', 'other.conf', '--out', 'out.txt'];
  expect(await sarma(one, { directory })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(await read(directory, 'out.txt')).toBe("door.level = 'loud'  # other.conf:1\n");
});

test('a wrong .conf is told with file, line and column', async () => {
  const directory = await project({
    ...schema(`{ 'door.port': { datatype: 'integer' } }`),
    'config/door.prod.conf': '\ndoor.port = many\n',
  });
  const { exitCode, stderr } = await sarma(['conform', 'effective'], { directory });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^error: config\/door\.prod\.conf:2:13: door\.port: /);
  expect(stderr).not.toContain('fault in Sarma');
});

test('wrong words are sentences', async () => {
  const directory = await project();
  const said = async (...argv: readonly string[]) =>
    (await sarma(['conform', ...argv], { directory })).stderr;
  expect(await said()).toContain('No action was given.');
  expect(await said('nwe')).toMatch(/nwe.*new.*configure.*effective/s);
  expect(await said('new', '--out', 'x')).toContain(
    '`conform new` has no --out; configure and effective have it.',
  );
  expect(await said('configure')).toMatch(
    /There is no config\/door\.schema\.ts\. Make .* `sarma conform new`/,
  );
  await sarma(['conform', 'new'], { directory });
  expect(await said('effective', '--app', 'dor')).toContain(
    'There is no configuration for "dor". There is one for door.',
  );
});
