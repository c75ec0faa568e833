import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { draftAppups, findVersion, writeAppups } from '../src/appup/index.ts';
import { project } from './support/project.ts';
import { assembleVersions, places, type Versions } from './support/versions.ts';

let versions: Versions;
beforeAll(async () => {
  versions = await assembleVersions();
});

const STORE = 'rel/appups/store/0.1.0_0.2.0.json';
const SERVER = 'rel/appups/server/0.1.0_0.2.0.json';

const read = (root: string, file = STORE) => readFileSync(path.join(root, file), 'utf8');

const draft = (from: keyof Versions, to: keyof Versions) => draftAppups(versions[from], versions[to]);

/** Writes what leads from one version to another, and says what became of which file. */
async function outcomes(root: string, from: keyof Versions = 'first', to: keyof Versions = 'second') {
  const results = await writeAppups(root, draft(from, to));
  return Object.fromEntries(
    results.map(({ file, outcome, differences }) => [path.relative(root, file), { outcome, differences }]),
  );
}

const written = { outcome: 'written', differences: [] };

describe('the appup of an application', () => {
  test('loads what it imports, what is needed first, and gives its state to codeChange, both ways', async () => {
    const root = project({});
    expect(await outcomes(root)).toEqual({ [STORE]: written, [SERVER]: written });
    const text = read(root);
    expect(text).toMatch(/^ {2}"generated": "sha256:[0-9a-f]{64}"$/m);
    expect(text.replace(/,\n {2}"generated.*/, '')).toBe(`{
  "app": "store",
  "from": "0.1.0",
  "to": "0.2.0",
  "up": [
    { "load": "words" },
    { "load": "protocol" },
    { "reload": "store" }
  ],
  "down": [
    { "load": "words" },
    { "load": "protocol" },
    { "reload": "store" }
  ]
}
`);
  });

  test('is there too for one that imports a changed application, and for no other', () => {
    expect(draft('first', 'second').appups.map(({ app, up }) => ({ app, up: up.at(-1) }))).toEqual([
      { app: 'store', up: { reload: 'store' } },
      { app: 'server', up: { reload: 'server' } },
    ]);
    expect(draft('first', 'second').appups[1]!.up).toHaveLength(1);
  });

  test('says that the node is restarted where the application exports no codeChange', () => {
    const { appups, withoutCodeChange } = draft('second', 'third');
    expect(appups).toEqual([
      { app: 'metrics', from: '0.2.0', to: '0.3.0', up: ['restart_node'], down: ['restart_node'] },
    ]);
    expect(withoutCodeChange).toEqual(['metrics']);
  });

  test('says so, too, where something differs that no running node can change', () => {
    const { appups, obstacles } = draft('first', 'fourth');
    expect(appups.map(({ up }) => up)).toEqual([['restart_node'], ['restart_node'], ['restart_node']]);
    expect(obstacles.join()).toContain('vm.args');
  });

  test('starts what is new, and stops it on the way back', () => {
    expect(draft('fourth', 'fifth').appups).toEqual([
      { app: 'late', from: '0.4.0', to: '0.5.0', up: [{ start: 'late' }], down: [{ stop: 'late' }] },
    ]);
  });

  test('is refused between two of the same version', () => {
    expect(() => draft('second', 'second')).toThrow(/^Both are kv 0.2.0, .* Raise the version/);
  });
});

describe('a file that is there', () => {
  const edit = (root: string, change: (text: string) => string) =>
    writeFileSync(path.join(root, STORE), change(read(root)));

  test('and was edited is left alone, and where it differs is said', async () => {
    const root = project({});
    await outcomes(root);
    edit(root, (text) => text.replace('{ "reload": "store" }', '{ "restart": "store" }'));
    const edited = read(root);
    expect(await outcomes(root)).toEqual({
      [STORE]: {
        outcome: 'left',
        differences: ['up[2]: found { "restart": "store" }, computed { "reload": "store" }'],
      },
      [SERVER]: { outcome: 'same', differences: [] },
    });
    expect(read(root)).toBe(edited);
  });

  test('and was only indented anew is not edited', async () => {
    const root = project({});
    await outcomes(root);
    edit(root, (text) => JSON.stringify(JSON.parse(text)));
    expect((await outcomes(root))[STORE]!.outcome).toBe('same');
    // Built anew under the same number, it is another version.
    const other = { ...versions.fourth, release: { ...versions.fourth.release, version: '0.2.0' } };
    const results = await writeAppups(root, draftAppups(versions.first, other));
    expect(results[0]!.outcome).toBe('replaced');
    expect(JSON.parse(read(root)).up).toEqual(['restart_node']);
  });

  test('and that somebody wrote by hand is left alone, as is one for a range', async () => {
    const own = { app: 'store', from: '0.1.x', to: '0.2.0', up: [{ reload: 'store' }], down: [] };
    const root = project({ 'rel/appups/store/all.json': own });
    expect(await outcomes(root)).toEqual({
      'rel/appups/store/all.json': {
        outcome: 'left',
        differences: [
          'up[0]: found { "reload": "store" }, computed { "load": "words" }',
          'down[0]: found nothing, computed { "load": "words" }',
        ],
      },
      [SERVER]: written,
    });
  });
});

describe('a file in rel/appups', () => {
  const good = { app: 'kv', from: '0.1.0', to: '0.2.0', up: [], down: [] };
  const wrong: readonly [string, object | string, RegExp][] = [
    ['kv/a.json', '{ "app": ', /kv\/a\.json: expected JSON: /],
    [
      'kv/a.json',
      { ...good, up: [{ relaod: 'kv' }] },
      /up\[0\]: "relaod" is no key here; did you mean "reload"\?/,
    ],
    ['kv/a.json', { ...good, up: ['restart'] }, /up\[0\]: expected "restart_node", .*, found "restart"/],
    ['kv/a.json', { ...good, up: [{ load: 'a', reload: 'b' }] }, /up\[0\]: expected exactly one of the keys/],
    ['kv/a.json', { ...good, down: {} }, /down: expected a list of instructions, found \{\}/],
    [
      'kv/a.json',
      { ...good, from: '>=oops' },
      /from: expected a version, or a range like "0\.1\.x", found ">=oops"/,
    ],
    ['kv/a.json', { ...good, donw: [] }, /"donw" is no key here; did you mean "down"\?/],
    ['kv_server/a.json', good, /app: expected "kv_server", the name of its folder, found "kv"/],
  ];
  test.each(wrong)(
    '%s that says %j is refused with file, key, found and expected',
    async (name, said, message) => {
      const root = project({ [`rel/appups/${name}`]: said });
      const refused = outcomes(root);
      await expect(refused).rejects.toMatchObject({
        code: 'APPUP_INVALID',
        message: expect.stringMatching(message),
      });
      await expect(refused).rejects.toThrow(path.join(root, 'rel/appups', name));
    },
  );

  test('whose range overlaps that of another one is refused, with both', async () => {
    const root = project({
      'rel/appups/kv/a.json': { ...good, from: '0.1.x' },
      'rel/appups/kv/b.json': { ...good, from: '>=0.1.5 <0.3' },
    });
    await expect(outcomes(root)).rejects.toThrow(
      /a\.json \(from 0\.1\.x\) and .*b\.json \(from >=0\.1\.5 <0\.3\) hold for the same versions of kv/,
    );
  });
});

test('a version that is nowhere is refused with the places, and what lies there', async () => {
  const root = project({ 'not-a-release/file': '', 'file.tar.gz': 'no gzip' });
  await expect(findVersion('0.0.9', places(root))).rejects.toMatchObject({
    code: 'VERSION_NOT_FOUND',
    message: expect.stringMatching(
      /"0\.0\.9" is neither .* nor a version of kv in .*, which hold none\. Give the path/,
    ),
  });
  await expect(findVersion('not-a-release', places(root))).rejects.toThrow(
    /not-a-release is no release that could be upgraded: /,
  );
  await expect(findVersion('file.tar.gz', places(root))).rejects.toThrow(
    /file\.tar\.gz is no tar of a release/,
  );
});

test('a version of another release is refused, which no upgrade leads from', async () => {
  const { at } = versions.first;
  await expect(findVersion(at, { ...places(at), name: 'notes' })).rejects.toMatchObject({
    code: 'VERSION_NOT_FOUND',
    message: `${at} is of the release kv, not of notes. Take one of notes, or choose with --release kv.`,
  });
});
