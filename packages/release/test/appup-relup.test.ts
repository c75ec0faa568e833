import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compareVersions, type RelupFile, relupInstructions } from '@sarma/boot';
import { beforeAll, describe, expect, test } from 'vitest';
import { draftAppups, writeAppups, writeRelup } from '../src/appup/index.ts';
import { project, write } from './support/project.ts';
import { assembleVersions, type Versions } from './support/versions.ts';

let versions: Versions;
beforeAll(async () => {
  versions = await assembleVersions();
});

const appup = { app: 'store', from: '0.1.x', to: '0.2.0', up: [{ reload: 'store' }], down: ['restart_node'] };

describe('relup.json', () => {
  test('has what the appups say, from each version', async () => {
    const { first, second } = versions;
    const root = project({});
    await writeAppups(root, draftAppups(first, second));
    write(root, { 'rel/appups/store/range.json': appup });
    const { file, relup } = (await writeRelup(root, second, [first]))!;
    expect(path.relative(second.at, file)).toBe('releases/0.2.0/relup.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(relup);
    const each = [{ load: 'words' }, { load: 'protocol' }, { reload: 'store' }, { reload: 'server' }];
    expect(relup).toEqual({
      format: 1,
      name: 'kv',
      version: '0.2.0',
      from: [
        { version: '0.1.0', up: each, down: each },
        {
          version: '0.1.x',
          range: [
            [
              { operator: '>=', version: '0.1.0-0' },
              { operator: '<', version: '0.2.0-0' },
            ],
          ],
          up: [{ reload: 'store' }],
          down: ['restart_node'],
        },
      ],
    });
  });

  test('is refused where an application has changed and no file says what to do', async () => {
    const { first, second } = versions;
    const root = project({ 'rel/appups/server/range.json': { ...appup, app: 'server', up: [] } });
    await expect(writeRelup(root, second, [first])).rejects.toMatchObject({
      code: 'APPUP_MISSING',
      message: expect.stringMatching(
        /^store changed between 0\.1\.0 and 0\.2\.0, .* sarma appup 0\.1\.0 0\.2\.0/,
      ),
    });
    expect(await writeRelup(project({}), second, [])).toBeUndefined();
  });

  test('is restart_node alone where one of the applications wants that', async () => {
    const { second, third } = versions;
    const root = project({});
    await writeAppups(root, draftAppups(second, third));
    write(root, { 'rel/appups/store/a.json': { ...appup, from: '0.2.0', to: '0.3.0' } });
    const { relup } = (await writeRelup(root, third, [second]))!;
    expect(relup.from).toEqual([{ version: '0.2.0', up: ['restart_node'], down: ['restart_node'] }]);
  });

  test.each([
    [
      { up: [{ reload: 'stor' }] },
      /up\[0\]\.reload: expected an application of kv 0\.2\.0, found "stor"; did you mean "store"\?/,
    ],
    [
      { up: [{ load: 'protocl' }] },
      /up\[0\]\.load: expected a package of kv 0\.2\.0, found "protocl"; did you mean "protocol"/,
    ],
    [{ down: [{ load: 'nothing' }] }, /down\[0\]\.load: expected a package of kv 0\.1\.0, found "nothing"\./],
  ])('is refused where an appup names what is not in the release: %j', async (said, message) => {
    const { first, second } = versions;
    const root = project({ 'rel/appups/store/range.json': { ...appup, ...said } });
    await expect(writeRelup(root, second, [first])).rejects.toThrow(message);
  });
});

describe('which instructions lead from one version to another', () => {
  const up = [{ reload: 'kv' }];
  const down = [{ restart: 'kv' }];
  const relup: RelupFile = {
    format: 1,
    name: 'kv',
    version: '0.2.0',
    from: [
      { version: '0.1.0', up, down },
      {
        version: '0.1.x || >=1',
        range: [
          [
            { operator: '>=', version: '0.1.0-0' },
            { operator: '<', version: '0.2.0-0' },
          ],
          [{ operator: '>=', version: '1.0.0-0' }],
        ],
        up: ['restart_node'],
        down: ['restart_node'],
      },
    ],
  };
  const between = (from: string, to: string) =>
    relupInstructions(from, to, (version) => (version === '0.2.0' ? relup : undefined));

  test('is up in the file of the new one, else down in that of the old one', () => {
    expect(between('0.1.0', '0.2.0')).toBe(up);
    expect(between('0.2.0', '0.1.0')).toBe(down);
    expect(between('0.2.0', '0.0.9')).toBeUndefined();
    expect(between('0.0.9', '0.2.0')).toBeUndefined();
    expect(between('abc1234', '0.2.0')).toBeUndefined();
  });

  test('is that of a range, prereleases among its versions, where no version is named', () => {
    for (const from of ['0.1.1', '0.1.10-rc.1', '3.0.0'])
      expect(between(from, '0.2.0')).toEqual(['restart_node']);
    expect(between('0.2.0-rc.1', '0.2.0')).toBeUndefined();
  });

  test('is decided by the order of semver.org', () => {
    const ordered =
      '1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.2.0 1.10.0'.split(
        ' ',
      );
    for (const [index, one] of ordered.entries()) {
      for (const [at, other] of ordered.entries())
        expect(Math.sign(compareVersions(one, other)!), `${one} ${other}`).toBe(Math.sign(index - at));
    }
    expect(compareVersions('1.0.0+one', 'v1.0.0+two')).toBe(0);
    expect(compareVersions('1.0', '1.0.0')).toBeUndefined();
  });
});
