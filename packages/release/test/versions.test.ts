import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadRelease } from '../src/index.ts';
import { project } from './support/project.ts';

function versioned(version: unknown, more: Parameters<typeof project>[0] = {}): string {
  return project({
    'package.json': { name: 'own', version: '1.0.0', workspaces: ['apps/*'] },
    'index.js': '',
    'sarma.config.json': { version },
    ...more,
  });
}

async function versionOf(root: string): Promise<string> {
  return (await loadRelease({ project: root })).version;
}

function git(root: string, ...args: readonly string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
  return execFileSync('git', [...identity, ...args], { cwd: root, encoding: 'utf8' }).trim();
}

function commit(root: string): void {
  writeFileSync(path.join(root, 'index.js'), `// ${Math.random()}`);
  git(root, 'add', 'index.js');
  git(root, 'commit', '--quiet', '-m', 'Change');
}

describe('a version', () => {
  test('stands in the configuration, in a file or in a package', async () => {
    expect(await versionOf(versioned('2.0.0'))).toBe('2.0.0');
    expect(await versionOf(versioned({ file: 'VERSION' }, { VERSION: '3.1.0\n' }))).toBe('3.1.0');
    const packages = {
      'apps/a/package.json': { name: '@own/a', version: '4.0.0' },
      'node_modules/lib/package.json': { name: 'lib', version: '5.0.0' },
    };
    expect(await versionOf(versioned({ from: 'own' }))).toBe('1.0.0');
    expect(await versionOf(versioned({ from: '@own/a' }, packages))).toBe('4.0.0');
    expect(await versionOf(versioned({ from: 'lib' }, packages))).toBe('5.0.0');
  });

  test('is what a command prints in the project', async () => {
    expect(await versionOf(versioned({ command: 'echo "6.0.0-$(cat suffix)"' }, { suffix: 'rc1' }))).toBe(
      '6.0.0-rc1',
    );
  });

  test('is the commit, or the tag and how far behind it the commit lies', async () => {
    const root = versioned({ git: 'tag' });
    const set = (form: string) =>
      writeFileSync(path.join(root, 'sarma.config.json'), JSON.stringify({ version: { git: form } }));
    git(root, 'init', '--quiet');
    commit(root);
    git(root, 'tag', 'v1.2.0');
    git(root, 'tag', 'unrelated');
    expect(await versionOf(root)).toBe('1.2.0');
    commit(root);
    commit(root);
    const long = git(root, 'rev-parse', 'HEAD');
    expect(await versionOf(root)).toBe(`1.2.0+build.2.ref${long.slice(0, 7)}`);
    set('long');
    expect(await versionOf(root)).toBe(long);
    set('short');
    expect(await versionOf(root)).toBe(long.slice(0, 7));
  });

  test('given as an option needs no source', async () => {
    const root = versioned({ file: 'missing' });
    expect((await loadRelease({ project: root, version: '1.1.1' })).version).toBe('1.1.1');
  });

  const cases: readonly [string, unknown, string, RegExp][] = [
    ['a file', { file: 'VERSION' }, 'VERSION_UNKNOWN', /version \{ file: "VERSION" \}: .*no such file/],
    ['an empty file', { file: 'empty' }, 'VERSION_UNKNOWN', /version \{ file: "empty" \} is empty/],
    ['a package', { from: 'nobody' }, 'VERSION_UNKNOWN', /there is no package nobody in/],
    [
      'a package without one',
      { from: '@own/b' },
      'VERSION_UNKNOWN',
      /package\.json of @own\/b has no version/,
    ],
    ['a command', { command: 'echo no >&2; exit 3' }, 'VERSION_UNKNOWN', /failed with 3: no$/],
    [
      'a repository',
      { git: 'short' },
      'VERSION_UNKNOWN',
      /\{ git: "short" \}: git failed with 128: .*not a git repository/,
    ],
    ['a usable name', '1/2', 'INVALID_VERSION', /sarma\.config\.json: version: "1\/2" cannot be/],
    ['a usable name in a file', { file: 'odd' }, 'INVALID_VERSION', /\{ file: "odd" \}: "a b" cannot be/],
  ];
  test.each(cases)('without %s is an error that says so', async (_, version, code, message) => {
    const files = { empty: '\n', odd: 'a b', 'apps/b/package.json': { name: '@own/b' } };
    await expect(versionOf(versioned(version, files))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('without a tag is an error that says so', async () => {
    const root = versioned({ git: 'tag' });
    git(root, 'init', '--quiet');
    commit(root);
    await expect(versionOf(root)).rejects.toThrow(/\{ git: "tag" \}: git failed with 128: .*No names found/);
  });
});
