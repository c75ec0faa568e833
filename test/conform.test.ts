import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand, temporaryDirectory, wrapProgram } from './support/run.ts';
import { ask, type Installed, installed, makeService, say, startNode, withEnv } from './support/services.ts';

// docs/guide/9-conform.md: a service that is configured by a .conf file, in the forms that a release has.

const files = {
  'sarma.config.ts': `
    import { defineConfig } from 'sarma';
    export default defineConfig({
      releases: { door: { wrap: { compression: 'fast' }, configProviders: [
        { module: '@sarma/conform', options: { schema: 'config/door.schema.ts' } },
      ] } },
    });`,
  'application.ts': `
    import { defineApplication } from '@sarma/app';
    export default defineApplication({
      start: ({ config }) => console.log('started', JSON.stringify(config)),
      configChange: (_state, { changed }) => console.log('changed', JSON.stringify(changed)),
      stop: () => {},
    });`,
  'config/config.ts': `
    export default { door: { greeting: 'built', untouched: true } };`,
  'config/limits.ts': 'export const most = 100;',
  'config/door.schema.ts': `
    import { defineSchema, range } from '@sarma/conform';
    import { most } from './limits.ts';
    export default defineSchema({
      mappings: {
        'door.greeting': { doc: 'What visitors read.' },
        'door.visitors': { datatype: 'integer', default: 10, validators: [range(1, most)], doc: 'How many at once.' },
        'door.wait': { datatype: 'duration', default: 1000, envVar: 'DOOR_WAIT' },
        'door.level': { datatype: { enum: ['quiet', 'loud'] }, default: 'quiet' },
        'door.password': { doc: 'Opens it.' },
      },
      transforms: {
        'door.sign': (conf) => conf.get('door.greeting') + '!',
      },
    });`,
  'config/door.prod.conf': 'door.greeting = shipped\n',
  'config/door.dev.conf': 'door.greeting = nobody else sees this\n',
};

let project: string;
let executable: string;

beforeAll(async () => {
  const door = await makeService('door', files);
  project = door.directory;
  executable = await wrapProgram(door);
});

const forms = [
  ['the assembled directory', () => path.join(project, '_build/prod/rel/door/bin/door')],
  ['the executable', () => executable],
] as const;

/** A release with a configuration directory of its own, and its `door.conf`. */
async function own(command: string): Promise<Installed & { readonly conf: string }> {
  const one = await installed(command);
  const directory = await temporaryDirectory();
  const conf = path.join(directory, 'door.conf');
  return { ...withEnv(one, { RELEASE_CONFIG_DIR: directory }), conf };
}

const CONFIG = ['rpc', '--json', "(await import('@sarma/app')).config('door')"];

describe.each(forms)('%s', (_name, command) => {
  test('starts with the .conf of the host over that of the release, and takes a changed one while it runs', async () => {
    const one = await own(command());
    expect(await say(one, 'eval', "(await import('@sarma/app')).config('door').sign")).toBe("'shipped!'");
    await writeFile(one.conf, 'door.greeting = "from the host" # by hand\ndoor.level = loud\n');
    const node = await startNode(one, [], { env: { DOOR_WAIT: '2m' } });
    expect(JSON.parse(await say(one, ...CONFIG))).toEqual({
      greeting: 'from the host',
      untouched: true,
      visitors: 10,
      wait: 120_000,
      level: 'loud',
      sign: 'from the host!',
    });
    await writeFile(one.conf, 'door.greeting = changed\ndoor.visitors = 20\n');
    expect(await say(one, 'reload_config')).toBe(
      'Changed:\n  door.greeting\n  door.visitors\n  door.level\n  door.sign',
    );
    await expect.poll(node.printed).toContain('changed {"greeting":"changed","visitors":20');
    expect(JSON.parse(await say(one, ...CONFIG))).toMatchObject({ greeting: 'changed', level: 'quiet' });
  });

  test('a wrong .conf keeps it from starting: one text that names file, line and column, exit code 1', async () => {
    const one = await own(command());
    await writeFile(one.conf, '# fine\ndoor.visitors = many\ndoor.level = shouting\n');
    const failed = await ask(one, ['start']);
    expect(failed).toMatchObject({ exitCode: 1, stdout: '' });
    const lines = failed.stderr.trimEnd().split('\n');
    expect(failed.stderr).not.toMatch(/^\s+at /m);
    expect(lines.filter((line) => line.includes(`${one.conf}:2:17: door.visitors: `))).toHaveLength(1);
    expect(lines.filter((line) => line.includes(`${one.conf}:3:14: door.level: `))).toHaveLength(1);
    await writeFile(one.conf, 'door.greeting: hello\n');
    const broken = await ask(one, ['start']);
    expect(broken).toMatchObject({ exitCode: 1, stdout: '' });
    expect(broken.stderr).toContain(`${one.conf}:1:14: `);
    expect(await ask(one, ['ping'])).toMatchObject({ exitCode: 1, stdout: 'pang\n' });
  });

  test('a wrong .conf changes nothing in a node that runs', async () => {
    const one = await own(command());
    await writeFile(one.conf, 'door.visitors = 20\n');
    await startNode(one);
    await writeFile(one.conf, 'door.visitors = 2000\n');
    const reload = await ask(one, ['reload_config']);
    expect(reload.exitCode).toBe(1);
    expect(reload.stderr).toMatch(/door\.conf:1:\d+: door\.visitors: expected 1 to 100, found 2000\n$/);
    expect(JSON.parse(await say(one, ...CONFIG))).toMatchObject({ visitors: 20 });
  });

  test('tells where each value comes from, and masks secrets', async () => {
    const one = await own(command());
    await writeFile(one.conf, '\ndoor.greeting = hi\ndoor.password = hunter2\n');
    const { stdout } = await ask(one, ['config', 'effective', '--sources'], { env: { DOOR_WAIT: '5s' } });
    expect(stdout.split('\n').sort().join('\n').trimStart()).toBe(
      [
        "door.greeting = 'hi'  # FILE:2",
        "door.level = 'quiet'  # default",
        "door.password = '********'  # FILE:3",
        "door.sign = 'hi!'  # transform",
        'door.untouched = true  # sys.config.json',
        'door.visitors = 10  # default',
        'door.wait = 5000  # $DOOR_WAIT',
      ]
        .join('\n')
        .replaceAll('FILE', one.conf),
    );
  });

  test('prints the .conf that came with it, for whoever has nothing but the release', async () => {
    const one = await own(command());
    expect(await say(one, 'config', 'example')).toBe('door.greeting = shipped');
  });

  test('CONFORM_CONF_PATH and CONFORM_SCHEMA_PATH name other files; what they name has to be there', async () => {
    const one = await own(command());
    const conf = path.join(await temporaryDirectory(), 'other.conf');
    await writeFile(conf, 'door.greeting = other\ngate.open = yes\n');
    const schema = path.join(path.dirname(conf), 'other.schema.mjs');
    await writeFile(
      schema,
      "export default { mappings: { 'door.greeting': {}, 'gate.open': { datatype: 'boolean' } } };",
    );
    const eval_ = ['eval', "JSON.stringify((await import('@sarma/app')).config('gate'))"];
    const other = withEnv(one, { CONFORM_CONF_PATH: conf, CONFORM_SCHEMA_PATH: schema });
    expect(await say(other, ...eval_)).toBe(`'{"open":true}'`);
    const gone = await ask(withEnv(one, { CONFORM_CONF_PATH: `${conf}.gone` }), ['start']);
    expect(gone).toMatchObject({ exitCode: 1 });
    expect(gone.stderr).toContain(`${conf}.gone`);
    expect(gone.stderr).not.toMatch(/^\s+at /m);
  });
});

test('the release has the schema compiled and the .conf of its environment, and nothing else of them', async () => {
  const root = path.join(project, '_build/prod/rel/door');
  const names = await readdir(root, { recursive: true });
  expect(names.filter((name) => /\.schema\.|\.conf$/.test(name)).sort()).toEqual([
    'releases/1.0.0/config/door.conf',
    'releases/1.0.0/config/door.schema.mjs',
  ]);
  expect(await readFile(path.join(root, 'releases/1.0.0/config/door.conf'), 'utf8')).toBe(
    files['config/door.prod.conf'],
  );
});

test('without a .conf in the project, the release has a documented one with everything commented out', async () => {
  const directory = path.join(await temporaryDirectory(), 'dev');
  const { exitCode, stderr } = await runCommand([
    'assemble',
    project,
    '--env',
    'staging',
    '--release-dir',
    directory,
  ]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const one = await installed(path.join(directory, 'bin/door'));
  const example = await say(one, 'config', 'example');
  expect(example).toContain('## How many at once.\n');
  expect(example).toContain('\n# door.visitors = 10\n');
  expect(example.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  expect(await say(one, 'eval', "(await import('@sarma/app')).config('door').greeting")).toBe("'built'");
});

test('a wrong .conf of the project fails the build, with its place', async () => {
  const wrong = await makeService('door', { ...files, 'config/door.prod.conf': 'door.greeting = "open\n' });
  const { exitCode, stderr } = await runCommand(['assemble', wrong.directory]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/config\/door\.prod\.conf:1:17: /);
});
