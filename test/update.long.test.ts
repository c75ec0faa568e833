// Updates of executables of all kinds: services while they run, another Node, start-up snapshots, noexec mounts, arm64.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import {
  openPublishingPlace,
  type PublishingPlace,
  publishVersion,
  updatesFrom,
} from './support/publishing.ts';
import { lacks } from './support/requirements.ts';
import { wrapProgram } from './support/run.ts';
import { sealedMachine } from './support/sealed.ts';
import { type Installed, installed, makeService, say, startNode } from './support/services.ts';
import { configured, copyOf, helloVersion } from './support/updatable.ts';

let place: PublishingPlace;

beforeAll(async () => {
  place = await openPublishingPlace();
});
afterAll(() => place?.close());
beforeEach(() => void place.takeRequests());

/** Wraps each version and publishes it; resolves to the executables. */
async function published(
  name: string,
  make: (version: string) => Promise<string>,
  versions = ['1.0.0', '1.1.0'],
): Promise<readonly string[]> {
  const made: string[] = [];
  for (const version of versions) {
    const executable = await make(version);
    await publishVersion(place, name, version, [{ executable }]);
    made.push(executable);
  }
  return made;
}

const fetched = () => place.takeRequests().reduce((sum, { bytes }) => sum + bytes, 0);

describe('a service', () => {
  let executables: readonly string[];
  let directory: string;

  beforeAll(async () => {
    executables = await published('tick', async (version) => {
      const service = await makeService(
        'tick',
        {
          'application.ts': `
            import { checkForUpdate, defineApplication } from '@sarma/app';
            export default defineApplication({ start: async () => {
              console.log('started ${version}');
              if (process.env.ASK) console.log('found', JSON.stringify(await checkForUpdate()), '.');
            } });`,
        },
        { version },
      );
      const project = await configured(service, updatesFrom(place));
      const executable = await wrapProgram(project);
      directory = path.join(project.directory, '_build/prod/rel/tick');
      return executable;
    });
  });

  async function running(env: Readonly<Record<string, string>> = {}) {
    const { file, folder } = await copyOf(executables[0]!, 'tick');
    const place = await installed(file);
    const one: Installed = { ...place, env: { ...place.env, ...env } };
    return { one, folder, node: await startNode(one) };
  }

  test('goes on while its file is updated; `restart` takes the new version', async () => {
    const { one, folder, node } = await running();
    await say(one, 'maintenance', 'update');
    expect(node.printed()).not.toContain('1.1.0');
    expect((await readdir(folder)).sort()).toEqual(['.tick.previous', 'tick']);
    await say(one, 'restart');
    await expect.poll(() => node.printed()).toContain('started 1.1.0');
    expect(await say(one, 'describe')).toMatch(/\b1\.1\.0\b/);
    expect(node.printed().match(/started/g)).toHaveLength(2);
    await say(one, 'stop');
  });

  test('takes the updated file by `upgrade`, and `rollback` gives the next start the old one', async () => {
    const { one, node } = await running();
    await say(one, 'maintenance', 'update');
    expect(await say(one, 'upgrade')).toContain('tick is 1.1.0 now');
    expect(await say(one, 'version')).toBe('tick 1.1.0');
    expect(node.printed()).toContain('started 1.1.0');
    await say(one, 'stop');
    await say(one, 'maintenance', 'rollback');
    await startNode(one);
    expect(await say(one, 'version')).toBe('tick 1.0.0');
    await say(one, 'stop');
  });

  test('is told by checkForUpdate what there is', async () => {
    const { one, node } = await running({ ASK: '1' });
    expect(JSON.parse(/found (.*) \./.exec(node.printed())![1]!)).toMatchObject({
      ...{ current: '1.0.0', version: '1.1.0', isNewer: true },
    });
    await say(one, 'stop');
  });

  test('that is a directory has no updates, also where an executable has started it', async () => {
    const found = await installed(path.join(directory, 'bin/tick'));
    const one: Installed = { ...found, env: { ...found.env, ASK: '1', SARMA_BIN: executables[0]! } };
    const node = await startNode(one);
    expect(node.printed()).toContain('found undefined .');
    await say(one, 'stop');
  });
});

test('with another Node, what is new of it is fetched, and the program runs on it', async () => {
  const main = { 'main.js': 'console.log(process.versions.node);' };
  const runtimes: Readonly<Record<string, string>> = { '2.0.0': '22', '2.1.0': process.versions.node };
  const make = async (version: string) =>
    await wrapProgram(await helloVersion(place, version, { files: main }), ['--runtime', runtimes[version]!]);
  const [first, second] = await published('hello', make, Object.keys(runtimes));
  const hello = await copyOf(first!);
  place.takeRequests();
  expect(await hello.maintain('update')).toMatchObject({ exitCode: 0 });
  const { size } = await stat(second!);
  expect(fetched()).toBeGreaterThan(size / 2);
  expect((await readFile(hello.file)).equals(await readFile(second!))).toBe(true);
  expect((await hello.run()).stdout).toBe(`${process.versions.node}\n`);
});

test('a program that starts from a start-up snapshot asks for updates, and takes them', async () => {
  const make = async (version: string) => {
    const program = await makeProgram(
      {
        ...{ name: 'shot', version, bin: 'main.js', type: 'module' },
        dependencies: { '@sarma/app': `file:${path.resolve(import.meta.dirname, '../packages/app')}` },
      },
      {
        'main.js': `
          import v8 from 'node:v8';
          import { checkForUpdate } from '@sarma/app';
          const main = async () => console.log('${version}', (await checkForUpdate())?.version);
          v8.startupSnapshot.setDeserializeMainFunction(() => void main());`,
      },
    );
    return await wrapProgram(await configured(program, { ...updatesFrom(place), wrap: { snapshot: true } }));
  };
  const [first] = await published('shot', make, ['3.0.0', '3.1.0']);
  const shot = await copyOf(first!, 'shot');
  expect(await shot.run()).toMatchObject({ stdout: '3.0.0 3.1.0\n', stderr: '' });
  expect(await shot.maintain('update')).toMatchObject({ exitCode: 0 });
  expect((await shot.run()).stdout).toBe('3.1.0 3.1.0\n');
});

describe('a program', () => {
  let first: string;
  beforeAll(async () => {
    const make = async (version: string) => await wrapProgram(await helloVersion(place, version));
    [first] = (await published('hello', make, ['4.0.0', '4.1.0'])) as [string];
  });

  test.skipIf(lacks('mounts'))('whose cache is mounted noexec is updated by a Node in memory', async () => {
    const machine = await sealedMachine(first);
    const { stdout, stderr, exitCode } = await machine.shell(`
      for place in /tmp /var/tmp /dev/shm; do mount -o remount,noexec $place; done
      export SARMA_CACHE_DIR=/tmp/cache
      ./app
      ./app maintenance update
      ./app
    `);
    expect({ stdout, exitCode }).toEqual({ stdout: 'hello 4.0.0\nhello 4.1.0\n', exitCode: 0 });
    expect(stderr).toContain('/mnt/app is hello 4.1.0 now');
  });

  test.skipIf(lacks('mounts', 'setcap'))(
    'with file capabilities is updated by root, and keeps them',
    async () => {
      const machine = await sealedMachine(first);
      const { stdout, exitCode } = await machine.shell(`
      setcap cap_net_bind_service+ep app
      ./app maintenance update >&2
      getcap app
    `);
      expect({ stdout, exitCode }).toEqual({ stdout: 'app cap_net_bind_service=ep\n', exitCode: 0 });
    },
  );

  test('on a read-only file system says so and stays', async () => {
    const machine = await sealedMachine(first);
    const { stderr, exitCode } = await machine.shell(`
      mkdir ro && mv app ro && mount --bind ro ro && mount -o remount,ro,bind ro
      export SARMA_CACHE_DIR=/tmp/cache
      ro/app maintenance update || code=$?
      ro/app >/dev/null
      exit $code
    `);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/read-only/);
  });
});

test.skipIf(lacks('arm64'))('an executable for arm64 updates itself', async () => {
  const make = async (version: string) =>
    await wrapProgram(await helloVersion(place, version), ['-t', 'linux-arm64']);
  const [first] = await published('hello', make, ['5.0.0', '5.1.0']);
  const hello = await copyOf(first!);
  expect(await hello.maintain('update')).toMatchObject({ exitCode: 0 });
  expect((await hello.run()).stdout).toBe('hello 5.1.0\n');
});
