// What `sarma publish` makes of executables, as whoever downloads from it finds it.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, open, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { nativeProgramLocation } from '@sarma/stub';
import { parseFeed, parsePublicKey, verifySignature } from '@sarma/update';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { openPromise } from 'yauzl';
import type { PublishEvent } from '../packages/cli/src/events.ts';
import { type PublishOptions, publish } from '../packages/cli/src/publish.ts';
import { readSigningKey } from '../packages/publish/src/index.ts';
import { signatureOf } from '../packages/publish/src/sign.ts';
import { writeFiles } from './support/programs.ts';
import { run, runCommand, temporaryDirectory, wrapCommand } from './support/run.ts';
import { smallRuntime } from './support/runtimes.ts';

const HOST = `linux-${process.arch}`;
const EXECUTABLES = [`hello_${HOST}`, 'hello_win-x64.exe'];
const FILES: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ name: 'hello', version: '1.2.0', bin: 'main.js' }),
  'main.js': 'console.log("hello", ...process.argv.slice(2));',
  'README.md': '# hello\n',
  LICENSE: 'MIT\n',
  'CHANGELOG.md': '# Changelog\n\n## [1.2.0] - 2026-05-04\n\n* Better.\n\n## 1.1.0\n\n* Good.\n',
};

let runtimes: string;
/** With which the version `updatable` was made. */
const UPDATES = { publish: { url: 'https://example.org/' }, update: { publicKey: 'KEYS/release.pub' } };

/** Version → a folder with what `wrap` has made of it. `updatable`: 1.2.0, whose executables update themselves. */
const built = new Map<string, string>();
let keys: string;

beforeAll(async () => {
  runtimes = await temporaryDirectory();
  await writeFiles(runtimes, { [`${HOST}/bin/node`]: '' });
  await cp(await smallRuntime(), path.join(runtimes, HOST, 'bin/node'));
  // A program for Windows that says of itself what Node would: it is never started here.
  const launcher = await readFile(nativeProgramLocation('win-x64', 'launcher'));
  await writeFiles(runtimes, { 'win-x64/node.exe': '' });
  const trace = Buffer.from(`node.js/v${process.versions.node}\0`);
  await writeFile(path.join(runtimes, 'win-x64/node.exe'), Buffer.concat([launcher, trace]));
  for (const version of ['1.1.0', '1.2.0', '1.3.0-beta.1']) {
    const directory = await temporaryDirectory();
    await writeFiles(directory, FILES);
    const targets = version === '1.2.0' ? `${HOST},win-x64` : HOST;
    await wrap(directory, ['-t', targets, '--release-version', version]);
    built.set(version, path.join(directory, 'burrito_out'));
  }
  keys = await temporaryDirectory();
  for (const name of ['release.key', 'other.key']) await runCommand(['keygen', path.join(keys, name)]);
  const directory = await temporaryDirectory();
  await writeFiles(directory, { ...FILES, 'sarma.config.json': configText(UPDATES) });
  await wrap(directory, ['-t', HOST]);
  built.set('updatable', path.join(directory, 'burrito_out'));
});

async function wrap(directory: string, args: readonly string[]): Promise<void> {
  const options = ['--runtime', runtimes, '--compression', 'fast', ...args];
  const { exitCode, stdout, stderr } = await wrapCommand([directory, ...options]);
  if (exitCode !== 0) throw new Error(`wrap ended with ${exitCode}:\n${stdout}${stderr}`);
}

const configText = (config: object) => JSON.stringify(config).replaceAll('KEYS', keys);

/** A project whose executables of a version are made already. */
async function project(
  version = '1.2.0',
  files: Readonly<Record<string, string>> = {},
  config?: object,
): Promise<string> {
  const directory = path.join(await temporaryDirectory(), 'hello');
  const of = version === 'updatable' ? '1.2.0' : version;
  const manifest = JSON.stringify({ ...JSON.parse(FILES['package.json']!), version: of });
  await writeFiles(directory, { ...FILES, 'package.json': manifest, ...files });
  if (config !== undefined) await writeFiles(directory, { 'sarma.config.json': configText(config) });
  await cp(built.get(version)!, path.join(directory, 'burrito_out'), { recursive: true });
  return directory;
}

interface Given {
  readonly options?: Partial<PublishOptions>;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What `sarma publish` does and tells; signed with `release.key`, unless the environment says otherwise. */
async function published(project: string, { options = {}, env = {} }: Given = {}) {
  const signing = { SARMA_SIGNING_KEY: path.join(keys, 'release.key'), SOURCE_DATE_EPOCH: undefined };
  for (const [name, value] of Object.entries({ ...signing, ...env }))
    vi.stubEnv(name, value?.replace('KEYS', keys));
  const events: PublishEvent[] = [];
  const flags = { clobber: false, dryRun: false, draft: false };
  try {
    await publish({ project, ...flags, ...options, onEvent: (event) => events.push(event) });
  } finally {
    vi.unstubAllEnvs();
  }
  return events;
}

/** Path → mode and SHA-256. */
async function bytesIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const lines = files.sort().map(async (file) => {
    const { mode } = await stat(file);
    const sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return [path.relative(folder, file), `${mode.toString(8)} ${sha256}`] as const;
  });
  return Object.fromEntries(await Promise.all(lines));
}

const readFeed = async (file: string) => parseFeed(await readFile(file, 'utf8'), file);
const staged = (directory: string) => path.join(directory, 'burrito_out/publish/hello-1.2.0');

describe('a published version', () => {
  test('is a folder with executables, archives, bills of materials, the feed, hashes and their signature', async () => {
    const directory = await project();
    const events = await published(directory);
    const folder = staged(directory);
    const names = ['.cdx.json', '.tar.gz'].map((ending) => `hello_${HOST}${ending}`);
    expect(await readdir(folder)).toEqual(
      [
        'SHA256SUMS',
        'SHA256SUMS.minisig',
        ...EXECUTABLES,
        ...names,
        'hello_win-x64.cdx.json',
        'hello_win-x64.zip',
        'latest.json',
      ].sort(),
    );
    const written = events.flatMap((event) => (event.type === 'written' ? [event.name] : []));
    expect(written.sort()).toEqual(await readdir(folder));

    const checked = await run('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: folder });
    expect(checked).toMatchObject({ exitCode: 0 });
    expect(checked.stdout.trim().split('\n')).toHaveLength(7);
    const sums = await readFile(path.join(folder, 'SHA256SUMS'));
    const signature = await readFile(path.join(folder, 'SHA256SUMS.minisig'), 'utf8');
    const key = parsePublicKey(await readFile(path.join(keys, 'release.pub'), 'utf8'));
    expect(verifySignature(sums, signature, [key], '').trustedComment).toBe('hello 1.2.0');

    const feed = await readFeed(path.join(folder, 'latest.json'));
    expect(feed).toMatchObject({ name: 'hello', version: '1.2.0', notes: '* Better.' });
    expect(feed.executables.map(({ program, target, file }) => [program, target, file])).toEqual([
      ['hello', HOST, EXECUTABLES[0]],
      ['hello', 'win-x64', EXECUTABLES[1]],
    ]);
    for (const { file, size } of feed.executables)
      expect((await stat(path.join(folder, file))).size).toBe(size);
    const bill = JSON.parse(await readFile(path.join(folder, `hello_${HOST}.cdx.json`), 'utf8'));
    expect(bill.metadata.component).toMatchObject({ name: 'hello', version: '1.2.0' });
  });

  test('has archives whose executable runs where they are unpacked, beside readme and licence', async () => {
    const directory = await project();
    await published(directory);
    const into = await temporaryDirectory();
    await run('tar', ['xzf', path.join(staged(directory), `hello_${HOST}.tar.gz`)], { cwd: into });
    expect((await readdir(path.join(into, 'hello-1.2.0'))).sort()).toEqual(['LICENSE', 'README.md', 'hello']);
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    expect((await run(path.join(into, 'hello-1.2.0/hello'), ['there'], { env })).stdout).toBe(
      'hello there\n',
    );

    const zip = await openPromise(path.join(staged(directory), 'hello_win-x64.zip'));
    const entries = new Map<string, number>();
    for await (const entry of zip.eachEntry())
      entries.set(entry.fileName, entry.externalFileAttributes >>> 16);
    expect(Object.fromEntries(entries)).toEqual({
      'hello-1.2.0/hello.exe': 0o100755,
      'hello-1.2.0/LICENSE': 0o100644,
      'hello-1.2.0/README.md': 0o100644,
    });
  });

  test('has executables that take updates as the configuration says', async () => {
    const directory = await project('updatable', {}, UPDATES);
    await published(directory);
    const from = staged(directory);
    const to = path.join(await temporaryDirectory(), 'www');
    await published(directory, { options: { from, to } });
    expect(await readdir(to)).toContain('latest.json');
    await writeFiles(directory, { 'sarma.config.json': '{}' });
    await expect(published(directory, { options: { from, to } })).rejects.toThrow(/was made with `update`/);
  });

  test('has the same bytes, wherever and whenever it is made of the same', async () => {
    const one = await project();
    const other = await project();
    await run('touch', ['-d', '2001-02-03', 'README.md'], { cwd: other });
    await published(one, { env: { SOURCE_DATE_EPOCH: '1700000000', TZ: 'UTC' } });
    await published(other, { env: { SOURCE_DATE_EPOCH: '1700000000', TZ: 'Asia/Tokyo' } });
    expect(await bytesIn(staged(other))).toEqual(await bytesIn(staged(one)));
    expect((await readFeed(path.join(staged(one), 'latest.json'))).date).toBe('2023-11-14T22:13:20Z');
  });

  test('keeps its date when it is made once more, and gets another one when it has changed', async () => {
    const directory = await project();
    const date = async () => (await readFeed(path.join(staged(directory), 'latest.json'))).date;
    await published(directory, { env: { SOURCE_DATE_EPOCH: '1000000000' } });
    const before = await bytesIn(staged(directory));
    await published(directory);
    expect(await bytesIn(staged(directory))).toEqual(before);
    await writeFiles(directory, { 'notes.md': 'Other.' });
    await published(directory, { options: { notes: path.join(directory, 'notes.md') } });
    expect(await date()).not.toBe('2001-09-09T01:46:40Z');
  });

  test('has archives with what publish.include names instead', async () => {
    const include = { publish: { include: ['docs/*.txt'] } };
    const directory = await project('1.2.0', { 'docs/a.txt': 'a', 'docs/b.txt': 'b' }, include);
    await published(directory);
    const archive = path.join(staged(directory), `hello_${HOST}.tar.gz`);
    const { stdout } = await run('tar', ['tzf', archive]);
    expect(stdout.split('\n').sort().slice(1)).toEqual(
      ['docs/a.txt', 'docs/b.txt', 'hello'].map((name) => `hello-1.2.0/${name}`),
    );
    await rm(path.join(directory, 'docs'), { recursive: true });
    await expect(published(directory)).rejects.toThrow(/publish\.include says docs\/\*\.txt, and nothing in/);
  });

  test('has every program of the release; releases of one project do not get into each other', async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, {
      ...FILES,
      'package.json': JSON.stringify({
        name: 'tools',
        version: '1.2.0',
        bin: { one: 'main.js', two: 'main.js' },
      }),
      'sarma.config.json': JSON.stringify({
        publish: { url: 'https://example.org/tools/' },
        releases: { both: { bin: ['one', 'two'] }, single: { bin: ['one', 'two'] } },
      }),
    });
    await wrap(directory, ['--release', 'both', '-t', HOST]);
    const release = (name: string) => ({ options: { name } });
    await expect(published(directory, release('single'))).rejects.toThrow(
      /one_.* is both 1\.2\.0 for .*, and single 1\.2\.0 .*is to be published/,
    );
    await published(directory, release('both'));
    await wrap(directory, ['--release', 'single', '-t', HOST]);
    await published(directory, release('single'));
    const out = path.join(directory, 'burrito_out/publish');
    const programs = async (name: string) =>
      (await readFeed(path.join(out, `${name}-1.2.0/latest.json`))).executables.map(({ program }) => program);
    expect(await programs('both')).toEqual(['one', 'two']);
    expect(await programs('single')).toEqual(['one', 'two']);
    const tags = async (name: string) => (await readFeed(path.join(out, `${name}-1.2.0/latest.json`))).tag;
    expect([await tags('both'), await tags('single')]).toEqual(['both-v1.2.0', 'single-v1.2.0']);
    expect((await readdir(path.join(out, 'packagers'))).sort()).toEqual(['both', 'single']);
    await runCommand(['clean', directory, '--release', 'both']);
    expect((await readdir(out)).sort()).toEqual(['packagers', 'single-1.2.0']);
    expect(await readdir(path.join(out, 'packagers'))).toEqual(['single']);
  });
});

describe('nothing is published, and a sentence says why, when', () => {
  const file = (directory: string) => path.join(directory, 'burrito_out', EXECUTABLES[0]!);
  const cases: readonly {
    readonly why: string;
    readonly given?: Parameters<typeof project>;
    readonly change?: (directory: string) => Promise<unknown>;
    readonly options?: Partial<PublishOptions>;
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly sentence: RegExp;
  }[] = [
    {
      why: 'an executable is damaged',
      change: async (directory) => {
        const handle = await open(file(directory), 'r+');
        const { size } = await handle.stat();
        await handle.write('damage', size - 20_000);
        await handle.close();
      },
      sentence: /hello_linux-\w+ is damaged\. .*Make it again: wrap -t linux-/,
    },
    {
      why: 'an executable is cut off',
      change: async (directory) => await truncate(file(directory), 500_000),
      sentence: /hello_linux-\w+ is damaged\. .*Make it again: wrap -t linux-/,
    },
    {
      why: 'an executable is of another version',
      change: async (directory) => await cp(path.join(built.get('1.1.0')!, EXECUTABLES[0]!), file(directory)),
      sentence:
        /hello_linux-\w+ is hello 1\.1\.0 for .*, and hello 1\.2\.0 for .* is to be published\. Make it again: wrap -t/,
    },
    {
      why: 'an executable is none of Sarma',
      change: async (directory) => await cp('/bin/true', file(directory)),
      sentence: /hello_linux-\w+ cannot be published, it is no executable with a stub of Sarma's/,
    },
    {
      why: 'a target of the release is missing',
      given: ['1.2.0', {}, { targets: [HOST, 'win-x64', 'darwin-arm64'] }],
      sentence: /hello_darwin-arm64 is missing in .*burrito_out\. Make what is missing: wrap -t darwin-arm64/,
    },
    {
      why: 'there are no executables at all',
      change: async (directory) => await rm(path.join(directory, 'burrito_out'), { recursive: true }),
      sentence: /burrito_out has no executable of hello\. Make some first/,
    },
    {
      why: 'the changelog does not know the version',
      given: ['1.2.0', { 'CHANGELOG.md': '# Changelog\n\n## 1.1.0\n\nGood.\n' }, {}],
      sentence:
        /CHANGELOG\.md has no heading 1\.2\.0\. Write what has changed .*--notes FILE.*publish\.changelog: false/,
    },
    {
      why: 'the changelog says nothing of the version',
      given: ['1.2.0', { 'CHANGELOG.md': '# Changelog\n\n## 1.2.0\n\n## 1.1.0\n' }, {}],
      sentence: /CHANGELOG\.md says nothing below its heading 1\.2\.0/,
    },
    {
      why: 'the executables trust a key, and there is none to sign with',
      given: ['1.2.0', {}, UPDATES],
      env: { SARMA_SIGNING_KEY: undefined },
      sentence:
        /update\.publicKey is [0-9A-F]{16}: executables take what it has signed, and there is no key to sign with/,
    },
    {
      why: 'the executables trust another key',
      given: ['1.2.0', {}, { ...UPDATES, update: { publicKey: 'KEYS/other.pub' } }],
      sentence:
        /SARMA_SIGNING_KEY is the key [0-9A-F]{16}, and update\.publicKey is [0-9A-F]{16}: no executable would take/,
    },
    {
      why: 'an executable was made before the configuration said `update`',
      given: ['1.2.0', {}, UPDATES],
      sentence:
        /hello_linux-\w+ was made without `update`.* never take a later version\. Make it again: wrap -t linux/,
    },
    {
      why: 'an executable was made when the configuration still said `update`',
      given: ['updatable', {}, {}],
      sentence:
        /hello_linux-\w+ was made with `update`, .*it takes what [0-9A-F]{16} signs\. Make it again: wrap -t/,
    },
    {
      why: 'an executable was made with another key, and looks elsewhere',
      given: [
        'updatable',
        {},
        { publish: { url: 'https://example.com/' }, update: { publicKey: 'KEYS/other.pub' } },
      ],
      env: { SARMA_SIGNING_KEY: 'KEYS/other.key' },
      sentence:
        /was made with another publish and update\.publicKey than the configuration has now.* wrap -t linux/,
    },
    {
      why: 'the folder cannot be written',
      options: { to: '/dev/null/www' },
      sentence: /\/dev\/null\/www.* cannot be written: a part of the path is a file/,
    },
    {
      why: 'the folder is an address',
      options: { to: 'https://example.org/hello/' },
      sentence: /--to https:\/\/example\.org\/hello\/ is an address: name the folder that is served there/,
    },
  ];

  test.each(cases)('$why', async ({ given, change, options = {}, env = {}, sentence }) => {
    const [version, files, config] = given ?? [];
    const directory = await project(version, files, config);
    await change?.(directory);
    const error = await published(directory, { options, env }).then(
      () => expect.unreachable(),
      (cause: Error) => cause,
    );
    expect(error.message).toMatch(sentence);
    expect(error).toHaveProperty('code');
    expect(await readdir(path.join(directory, 'burrito_out')).catch(() => [])).not.toContain('publish');
  });
});

test('sarma clean removes what was staged of this version, --implode all of it; what is somebody else’s stays', async () => {
  const directory = await project('updatable', {}, UPDATES);
  await published(directory);
  const out = path.join(directory, 'burrito_out');
  await cp(staged(directory), path.join(out, 'publish/hello-1.1.0'), { recursive: true });
  const feed = path.join(out, 'publish/hello-1.1.0/latest.json');
  await writeFile(feed, (await readFile(feed, 'utf8')).replace('1.2.0', '1.1.0'));
  await writeFiles(out, { 'publish/own/latest.json': '{}' });
  const clean = async (...flags: string[]) => {
    const { exitCode, stdout, stderr } = await runCommand(['clean', directory, ...flags]);
    expect(exitCode, stderr).toBe(0);
    return stdout;
  };
  expect((await readdir(path.join(out, 'publish'))).sort()).toEqual([
    ...['hello-1.1.0', 'hello-1.2.0', 'own', 'packagers'],
  ]);
  expect(await clean()).toMatch(/^removed .*publish\/hello-1\.2\.0$/m);
  expect((await readdir(path.join(out, 'publish'))).sort()).toEqual(['hello-1.1.0', 'own']);
  expect(await clean('--implode', '--yes')).toMatch(/^left .*publish\/own: not made by Sarma$/m);
  expect(await readdir(path.join(out, 'publish'))).toEqual(['own']);
  await rm(path.join(out, 'publish/own'), { recursive: true });
  await published(directory);
  await clean();
  expect(await readdir(out)).not.toContain('publish');
});

describe('the key', () => {
  test('need not be there; then there is a warning, and no signature', async () => {
    const directory = await project();
    const events = await published(directory, { env: { SARMA_SIGNING_KEY: undefined } });
    const message = expect.stringMatching(/^hello 1\.2\.0 is not signed: SARMA_SIGNING_KEY is not set\./);
    expect(events).toContainEqual({ type: 'notice', level: 'warning', message });
    expect(await readdir(staged(directory))).not.toContain('SHA256SUMS.minisig');
  });

  test('has to be that of the executables, of a version that was staged elsewhere, too', async () => {
    const directory = await project('updatable', {}, UPDATES);
    await published(directory);
    const from = staged(directory);
    const other = await readSigningKey({ SARMA_SIGNING_KEY: path.join(keys, 'other.key') });
    const sums = await readFile(path.join(from, 'SHA256SUMS'));
    await writeFile(path.join(from, 'SHA256SUMS.minisig'), signatureOf(sums, 'hello 1.2.0', other!));
    await expect(published(directory, { options: { from } })).rejects.toThrow(
      /SHA256SUMS\.minisig is by another key than update\.publicKey \([0-9A-F]{16}\): no executable would take 1\.2\.0/,
    );
    const nowhere = { options: { from: `${from}-2` } };
    await expect(published(directory, nowhere)).rejects.toThrow(
      /hello-1\.2\.0-2 is no folder .*it is not there/,
    );
  });

  test('and its password are never printed', async () => {
    const directory = await project();
    const password = 'swordfish';
    const file = path.join(await temporaryDirectory(), 'secret.key');
    await runCommand(['keygen', file], { env: { SARMA_SIGNING_KEY_PASSWORD: password } });
    const text = await readFile(file, 'utf8');
    const line = text.split('\n')[1]!;
    const printed: string[] = [];
    for (const [key, given] of [
      [text, password],
      [text, `${password}x`],
      [line.slice(0, 204), password],
    ] as const) {
      const env = { SARMA_SIGNING_KEY: key, SARMA_SIGNING_KEY_PASSWORD: given };
      const args = ['publish', '--dry-run', '--verbose'];
      const { stdout, stderr } = await runCommand(args, { cwd: directory, env });
      printed.push(stdout, stderr);
    }
    expect(printed.join('')).toContain('SARMA_SIGNING_KEY_PASSWORD does not open');
    expect(printed.join('')).not.toContain(line.slice(20, 60));
    expect(printed.join('')).not.toContain(password);
  });

  test('is made for its owner alone, kept out of the repository, and never made twice', async () => {
    const cwd = await temporaryDirectory();
    await writeFile(path.join(cwd, '.gitignore'), 'node_modules');
    const { stdout } = await runCommand(['keygen'], { cwd });
    expect(stdout).toContain('wrote release.key, the secret key, which is not encrypted');
    expect((await stat(path.join(cwd, 'release.key'))).mode & 0o777).toBe(0o600);
    expect(await readFile(path.join(cwd, '.gitignore'), 'utf8')).toBe('node_modules\n/release.key\n');
    const before = await bytesIn(cwd);
    const again = await runCommand(['keygen'], { cwd });
    expect(again.stderr).toMatch(/release\.key is there already, and a key is never replaced/);
    expect(again.exitCode).toBe(1);
    await rm(path.join(cwd, 'release.key'));
    expect((await runCommand(['keygen'], { cwd })).stderr).toMatch(/release\.pub is there already/);
    await cp(path.join(keys, 'release.key'), path.join(cwd, 'release.key'));
    expect(Object.keys(await bytesIn(cwd))).toEqual(Object.keys(before));
  });
});

describe('in a folder that is served', () => {
  /** What `latest.json` and the like lead to. */
  const leads = async (to: string, file = 'latest.json') => (await readFeed(path.join(to, file))).version;

  test('a version appears, and what leads to the newest one of its channel never goes back', async () => {
    const to = path.join(await temporaryDirectory(), 'www');
    const site = { publish: { url: 'https://example.org/hello', changelog: false } };
    for (const [version, latest, beta] of [
      ['1.1.0', '1.1.0', undefined],
      ['1.3.0-beta.1', '1.1.0', '1.3.0-beta.1'],
      ['1.2.0', '1.2.0', '1.3.0-beta.1'],
      ['1.1.0', '1.2.0', '1.3.0-beta.1'],
    ] as const) {
      const events = await published(await project(version, {}, site), { options: { to } });
      expect(await leads(to)).toBe(latest);
      if (beta !== undefined) expect(await leads(to, 'beta.json')).toBe(beta);
      const stays = version === '1.1.0' && latest === '1.2.0' ? { staysAt: '1.2.0' } : {};
      expect(events).toContainEqual(expect.objectContaining({ type: 'published', version, ...stays }));
      const told = 'Users install it by: curl -fsSL https://example.org/hello/install.sh | sh';
      const isTold = events.some((event) => event.type === 'notice' && event.message === told);
      expect(isTold).toBe(!version.includes('-'));
    }
    const scripts = ['install.ps1', 'install.sh'];
    expect((await readdir(to)).sort()).toEqual(
      ['1.1.0', '1.2.0', '1.3.0-beta.1', 'beta.json', 'latest.json', ...scripts].sort(),
    );
    for (const file of ['latest.json', ...scripts])
      expect(await readFile(path.join(to, file))).toEqual(await readFile(path.join(to, '1.2.0', file)));
  });

  test('a version that was taken away is not led to any more', async () => {
    const to = path.join(await temporaryDirectory(), 'www');
    await published(await project('1.2.0'), { options: { to } });
    await rm(path.join(to, '1.2.0'), { recursive: true });
    await published(await project('1.1.0'), { options: { to } });
    expect(await leads(to)).toBe('1.1.0');
  });

  test('a warning names the version whose executables do not trust the key', async () => {
    const to = path.join(await temporaryDirectory(), 'www');
    await published(await project('updatable', {}, UPDATES), { options: { to } });
    const warnings = async (SARMA_SIGNING_KEY: string) => {
      const options = { to: path.join(await temporaryDirectory(), 'www') };
      await cp(to, options.to, { recursive: true });
      const events = await published(await project('1.1.0'), { options, env: { SARMA_SIGNING_KEY } });
      return events.flatMap((event) => (event.type === 'notice' ? [event.message] : []));
    };
    expect(await warnings('KEYS/release.key')).toEqual([]);
    expect(await warnings('KEYS/other.key')).toEqual([
      expect.stringMatching(
        /^The executables of 1\.2\.0 do not trust the key [0-9A-F]{16}, and will not take 1\.1\.0/,
      ),
    ]);
  });

  test('a version stays as it was published, unless --clobber says otherwise', async () => {
    const to = path.join(await temporaryDirectory(), 'www');
    const directory = await project();
    await published(directory, { options: { to } });
    const before = await bytesIn(to);
    await published(directory, { options: { to } });
    await writeFiles(directory, { 'notes.md': 'Other.' });
    const other = { to, notes: path.join(directory, 'notes.md') };
    await expect(published(directory, { options: other })).rejects.toThrow(
      /1\.2\.0 is there already, and other in SHA256SUMS, SHA256SUMS\.minisig, latest\.json\. .*--clobber/,
    );
    expect(await bytesIn(to)).toEqual(before);
    await published(directory, { options: { ...other, clobber: true } });
    expect((await readFeed(path.join(to, 'latest.json'))).notes).toBe('Other.');
    expect((await readdir(to)).sort()).toEqual(['1.2.0', 'latest.json']);
  });

  test('which lies in the project, the versions and what leads to them stay out of the next release', async () => {
    const directory = await project('updatable', {}, UPDATES);
    const to = path.join(directory, 'public');
    await writeFiles(to, { 'index.html': 'mine', 'data/latest.json': '{ "format": 1, "mine": true }' });
    await published(directory, { options: { to } });
    await cp(path.join(to, 'latest.json'), path.join(to, 'beta.json'));
    const { exitCode, stderr } = await runCommand(['assemble', directory]);
    expect(exitCode, stderr).toBe(0);
    const taken = path.join(directory, '_build/prod/rel/hello/lib/hello-1.2.0/public');
    expect(Object.keys(await bytesIn(taken))).toEqual(['data/latest.json', 'index.html']);
  });

  test('there are the versions of one release: another one is refused', async () => {
    const to = await temporaryDirectory();
    await writeFiles(to, {
      'latest.json': JSON.stringify({
        format: 1,
        name: 'other',
        version: '9.0.0',
        tag: '9.0.0',
        executables: [],
      }),
    });
    await expect(published(await project(), { options: { to } })).rejects.toThrow(
      /has the versions of other, and hello is to be published/,
    );
    expect(await readdir(to)).toEqual(['latest.json']);
    await rename(path.join(to, 'latest.json'), path.join(to, 'beta.json'));
    const beta = published(await project('1.3.0-beta.1'), { options: { to } });
    await expect(beta).rejects.toThrow(/has the versions of other/);
  });

  test('a version that was staged elsewhere is taken as it is, unless something in it was changed', async () => {
    const directory = await project();
    await published(directory);
    const from = await temporaryDirectory();
    await cp(staged(directory), from, { recursive: true });
    const to = path.join(await temporaryDirectory(), 'www');
    await published(directory, { options: { from, to } });
    expect(await bytesIn(path.join(to, '1.2.0'))).toEqual(await bytesIn(from));
    expect(await leads(to)).toBe('1.2.0');
    await writeFiles(from, { 'hello_win-x64.cdx.json': '{}' });
    const again = { options: { from, to: `${to}2` } };
    await expect(published(directory, again)).rejects.toThrow(
      /hello_win-x64\.cdx\.json is not what SHA256SUMS says/,
    );
    await rm(path.join(from, 'hello_win-x64.cdx.json'));
    await expect(published(directory, again)).rejects.toThrow(
      /hello_win-x64\.cdx\.json cannot be read \(ENOENT\)/,
    );
    expect(await readdir(path.dirname(to))).toEqual(['www']);
  });

  test('--dry-run makes and checks everything, and leaves nothing', async () => {
    const directory = await project();
    const to = await temporaryDirectory();
    const before = await bytesIn(directory);
    const events = await published(directory, { options: { to, dryRun: true } });
    expect(events.filter(({ type }) => type === 'written')).toHaveLength(9);
    expect(events.at(-1)).toMatchObject({ type: 'staged', dryRun: true });
    expect(await readdir(to)).toEqual([]);
    expect(await bytesIn(directory)).toEqual(before);
  });

  test('Ctrl-C leaves no half version', async () => {
    const directory = await project('1.2.0', {}, { publish: { include: ['large.bin'] } });
    await writeFiles(directory, { 'large.bin': '' });
    // Sparse: it takes seconds to pack, and no room.
    await truncate(path.join(directory, 'large.bin'), 4 * 2 ** 30);
    const to = path.join(directory, 'www');
    const command = path.resolve(import.meta.dirname, '../packages/cli/bin/sarma.js');
    const child = spawn(process.execPath, [command, 'publish', '--to', to, '--json'], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = once(child, 'exit');
    for await (const line of createInterface(child.stdout)) {
      if (line.includes('"written"')) child.kill('SIGINT');
    }
    expect(await ended).toEqual([130, null]);
    expect(await readdir(directory)).not.toContain('www');
  });
});
