import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadRelease } from '../src/index.ts';
import { applyOverlays } from '../src/overlays.ts';
import type { Overlay, Release } from '../src/release.ts';
import { project, release, write } from './support/project.ts';

interface Given {
  readonly overlayVars?: Release['overlayVars'];
  readonly devMode?: boolean;
}

/** Lays overlays over a small release of a project with these files. Returns the project and the release's root. */
async function laid(
  files: Readonly<Record<string, string>>,
  overlays: readonly Overlay[],
  given: Given = {},
) {
  const source = project({
    'package.json': { name: 'kv', version: '0.1.0', main: 'm.js', sarma: {} },
    'm.js': '',
    ...files,
  });
  const loaded = await loadRelease({ project: source });
  const { overlayVars = {}, devMode = false } = given;
  const options = { ...loaded.options, devMode };
  const root = path.join(path.dirname(source), 'release');
  write(path.dirname(source), { 'release/bin/kv': '#!/bin/sh\n', 'release/lib/a.js': 'assembled' });
  await applyOverlays(root, { ...loaded, overlays: [...loaded.overlays, ...overlays], overlayVars, options });
  return { source, root, text: (name: string) => readFileSync(path.join(root, name), 'utf8') };
}

const failure = (files: Readonly<Record<string, string>>, overlays: readonly Overlay[]) =>
  laid(files, overlays).then(
    () => undefined,
    (error) => error,
  );

test('rel/overlays comes first, then the folders and operations in their order', async () => {
  const files = {
    'rel/overlays/etc/x': 'first',
    'rel/overlays/lib/a.js': 'over',
    'rel/overlays/run': '#!/bin/sh\n',
    'rel/overlays/empty/.gitkeep': '',
    'more/etc/x': 'second',
    x: 'third',
  };
  const { root, text } = await laid(files, ['more', { copy: ['x', 'etc/y'] }]);
  expect([text('etc/x'), text('etc/y'), text('lib/a.js')]).toEqual(['second', 'third', 'over']);
  expect(statSync(path.join(root, 'run')).mode & 0o777).toBe(0o755);
  expect(statSync(path.join(root, 'etc/x')).mode & 0o777).toBe(0o644);
  expect(readdirSync(root).sort()).toEqual(['bin', 'etc', 'lib', 'run']);
});

test('mkdir, copy, link, template and chmod do what they say', async () => {
  const files = {
    'a.txt': 'a',
    'dir/b.txt': 'b',
    'dir/deep/c.txt': 'c',
    'motd.eta':
      '<%= it.release_name %> <%= release_version %> <%= it.colour %>\n<% if (!dev_mode) { -%>\nprod\n<% } -%>\nend\n',
    'run.eta': '#!/bin/sh\necho <%= release.name %>\n',
  };
  const overlays: Overlay[] = [
    { mkdir: 'data/<%= release_version %>' },
    { copy: ['a.txt', 'etc/'] },
    { copy: ['a.txt', 'etc/<%= release_name %>.txt'] },
    { copy: ['dir', 'whole'] },
    { copy: ['dir', 'into/'] },
    { link: ['dir', 'linked'] },
    { template: ['motd.eta', 'motd'] },
    { template: ['run.eta', 'bin/'] },
    { chmod: ['etc/a.txt', 0o755] },
  ];
  const { root, text } = await laid(files, overlays, { overlayVars: { colour: 'red' } });
  expect(statSync(path.join(root, 'data/0.1.0')).isDirectory()).toBe(true);
  expect([text('etc/a.txt'), text('etc/kv.txt')]).toEqual(['a', 'a']);
  expect([text('whole/deep/c.txt'), text('into/dir/deep/c.txt'), text('linked/b.txt')]).toEqual([
    'c',
    'c',
    'b',
  ]);
  expect(lstatSync(path.join(root, 'linked')).isSymbolicLink()).toBe(false);
  expect(text('motd')).toBe('kv 0.1.0 red\nprod\nend\n');
  expect(text('bin/run')).toBe('#!/bin/sh\necho kv\n');
  expect(statSync(path.join(root, 'bin/run')).mode & 0o777).toBe(0o755);
  expect(statSync(path.join(root, 'etc/a.txt')).mode & 0o777).toBe(0o755);
});

test('what they bring counts as a part of the release, once', async () => {
  const root = project({
    'package.json': { name: 'app', version: '1.0.0', main: 'main.js' },
    'main.js': '',
    'sarma.config.json': { overlays: [{ copy: ['etc', 'etc'] }, { template: ['other', 'package.json'] }] },
    'etc/a': 'a'.repeat(5000),
    'etc/b/c': '',
    other: '{}',
  });
  const assembled = await release(root);
  const lying = readdirSync(assembled.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(path.join(entry.parentPath, entry.name)).size);
  expect(assembled).toMatchObject({
    files: lying.length,
    bytes: lying.reduce((sum, size) => sum + size, 0),
  });
});

test('in development a link is one', async () => {
  const { source, root } = await laid({ 'a.txt': 'a' }, [{ link: ['a.txt', 'b.txt'] }], { devMode: true });
  expect(readlinkSync(path.join(root, 'b.txt'))).toBe(path.join(source, 'a.txt'));
});

test('wildcards copy into a folder', async () => {
  const files = { 'sql/1.sql': '1', 'sql/2.sql': '2', 'sql/note.txt': '', 'sql/old/3.sql': '3' };
  const { root } = await laid(files, [{ copy: ['sql/*.sql', 'migrations/'] }, { copy: ['s*', 'all/'] }]);
  expect(readdirSync(path.join(root, 'migrations'))).toEqual(['1.sql', '2.sql']);
  expect(existsSync(path.join(root, 'all/sql/old/3.sql'))).toBe(true);
});

test('all that is wrong is said at once, and what is right is still done', async () => {
  const error = await failure({ a: '', 'b.eta': '<%= it.nope %>' }, [
    { copy: ['missing', 'x'] },
    { copy: ['*.nothing', 'x/'] },
    { copy: ['*', 'x'] },
    { template: ['b.eta', 'b'] },
    { chmod: ['lib/a.js', 9999] },
    { chmod: ['not-there', 0o644] },
    { copy: ['a', 'bin'] },
    'no-folder',
  ]);
  expect(error).toMatchObject({ code: 'OVERLAY_FAILED' });
  const lines = error.message
    .split('\n')
    .filter((line: string) => line.startsWith('{') || line.startsWith('"'));
  expect(lines).toHaveLength(8);
  for (const said of [
    /^8 overlays cannot be applied:/,
    /\{"copy":\["missing","x"\]\}: .*\/project\/missing does not exist/,
    /Nothing in .* is called like that/,
    /the destination is a folder: "x\/"/,
    /b\.eta: (.|\n)*nope is not defined/,
    /9999 is no mode/,
    /not-there does not exist/,
    /bin is a folder/,
    /"no-folder": .*no-folder does not exist/,
  ])
    expect(error.message).toMatch(said);
});

describe('nothing is written outside the release', () => {
  test.each(['../x', '/tmp/x', 'lib/../../x', '..', 'lib/<%= ".." %>/../x'])('%s', async (to) => {
    for (const overlay of [
      { copy: ['a', to] },
      { template: ['a', to] },
      { link: ['a', to] },
      { mkdir: to },
    ] as const) {
      const error = await failure({ a: '' }, [overlay]);
      expect(error?.message).toMatch(/lies outside the release/);
    }
    expect((await failure({ a: '' }, [{ chmod: [to, 0o644] }]))?.message).toMatch(/lies outside/);
  });

  test('through a link that an overlay made', async () => {
    const source = project({ 'package.json': { name: 'kv', main: 'm.js' }, 'm.js': '', a: 'a' });
    const loaded = await loadRelease({ project: source });
    const parent = path.dirname(source);
    mkdirSync(path.join(parent, 'outside'));
    write(parent, { 'release/x': '', 'outside-file': 'kept' });
    symlinkSync(path.join(parent, 'outside'), path.join(parent, 'release/door'));
    symlinkSync(path.join(parent, 'outside-file'), path.join(parent, 'release/file'));
    const over = (to: string) =>
      applyOverlays(path.join(parent, 'release'), { ...loaded, overlays: [{ copy: ['a', to] }] });
    await expect(over('door/a')).rejects.toThrow(/lies outside the release/);
    await expect(over('door/new/a')).rejects.toThrow(/lies outside the release/);
    const mode = { ...loaded, overlays: [{ chmod: ['file', 0o777] as const }] };
    await expect(applyOverlays(path.join(parent, 'release'), mode)).rejects.toThrow(/is a link/);
    await over('file');
    expect(readFileSync(path.join(parent, 'outside-file'), 'utf8')).toBe('kept');
    expect(readFileSync(path.join(parent, 'release/file'), 'utf8')).toBe('a');
    expect(readdirSync(path.join(parent, 'outside'))).toEqual([]);
  });
});
