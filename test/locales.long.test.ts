// `wrap.locales` and `runtime.strip: false` in finished executables: what they carry, what the systems say of it, and what
// runs here says in kept languages and in others (P17). packages/wrapper/test/icu.test.ts looks closer at one Node.
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeFrame, openExecutable } from '../packages/wrapper/src/executable-file.ts';
import { readDataPackage } from '../packages/wrapper/src/icu/data-package.ts';
import { intlProbe } from '../packages/wrapper/test/support/intl-probe.ts';
import { checkMacho } from '../packages/wrapper/test/support/macho-check.ts';
import { onlyInstall } from './support/installs.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, temporaryDirectory, wrapCommand } from './support/run.ts';

const TARGETS = ['linux-x64', 'linux-arm64', 'linux-s390x', 'darwin-x64', 'darwin-arm64', 'win-x64'];
const files = { 'main.cjs': intlProbe.replace('slice(1)', 'slice(2)') };
const config = (text: string) => ({ ...files, 'sarma.config.js': `export default ${text};\n` });

let slim: Program;
let outputs: string;
let whole: string;
const fileOf = (target: string) =>
  path.join(outputs, `locales_${target}${target.startsWith('win-') ? '.exe' : ''}`);

async function wrapAll(program: Program, out: string, targets: readonly string[], more: readonly string[]) {
  const args = [program.directory, '-t', targets.join(), '--per-target', '--compression', 'fast'];
  const { exitCode, stdout, stderr } = await wrapCommand([...args, '-o', `${out}/`, ...more]);
  if (exitCode !== 0) throw new Error(stdout + stderr);
  return stdout + stderr;
}

let said: string;

beforeAll(async () => {
  const manifest = { name: 'locales', bin: 'main.cjs' };
  slim = await makeProgram(manifest, config("{ wrap: { locales: ['de-CH'] } }"));
  const all = await makeProgram(manifest, config('{ runtime: { strip: false } }'));
  [outputs, whole] = [await temporaryDirectory(), await temporaryDirectory()];
  const versions = ['--runtime', '20 || 22'];
  said = await wrapAll(slim, outputs, TARGETS, versions);
  await wrapAll(all, whole, ['linux-x64', 'win-x64'], versions);
});

/** The runtime as it will be installed. */
async function runtimeOf(file: string) {
  const executable = await openExecutable(file);
  const frames = executable.manifest.frames.filter(({ part }) => part === 'runtime');
  const node = Buffer.concat(
    await Promise.all(
      frames.map(async (frame) => decodeFrame(frame, await executable.stored(frame), executable.manifest)),
    ),
  );
  await executable.close();
  return { node, runtime: executable.manifest.runtime };
}

const SIGNATURE: Readonly<Record<string, readonly string[]>> = {
  linux: [],
  darwin: ["ad-hoc signature instead of the vendor's"],
  win: ["vendor's signature removed"],
};

describe.each(TARGETS)('the executable for %s', (target) => {
  const system = target.split('-')[0]!;

  test('says what was changed, beside what was published', async () => {
    expect(await runCommand(['verify', fileOf(target)])).toMatchObject({ exitCode: 0 });
    const { node, runtime } = await runtimeOf(fileOf(target));
    const stripped = system === 'linux' ? ['symbol table dropped'] : [];
    expect(runtime.changes).toEqual([...stripped, 'ICU data: de, en', ...SIGNATURE[system]!]);
    expect(createHash('sha256').update(node).digest('hex')).toBe(runtime.sha256);
    expect(runtime.official.sha256).not.toBe(runtime.sha256);
  });

  test('has the data of these languages only', async () => {
    const { items } = readDataPackage((await runtimeOf(fileOf(target))).node);
    const names = items.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['de.res', 'en_GB.res', 'coll/de.res', 'unames.icu']));
    expect(names.filter((name) => /(^|\/)(fr|ja|zh)(_|\.)/.test(name))).toEqual([]);
  });
});

test('a build says what users of another language get', () => {
  expect(said).toContain(
    'Node inside has data of de, en only (wrap.locales). For users of another language, dates',
  );
});

test('a build says where a vendor signature is lost', () => {
  expect(said).toContain('node.exe inside carries no signature: wrap.locales changes it');
  expect(said).toContain('bin/node inside is signed ad hoc: wrap.locales changes it');
});

test.each(['darwin-x64', 'darwin-arm64'])(
  'the Node for %s is signed again, every page of it',
  async (target) => {
    const { node } = await runtimeOf(fileOf(target));
    expect(checkMacho(node).signature).toMatchObject({ identifier: 'node', flags: 0x20002 });
    node[node.length >> 1]! ^= 1;
    expect(() => checkMacho(node)).toThrow(/hash of page/);
  },
);

test.skipIf(lacks('llvm-readobj', 'osslsigncode'))(
  'the Node for win-x64 is sound, and has no signature',
  async () => {
    const file = path.join(await temporaryDirectory(), 'node.exe');
    await writeFile(file, (await runtimeOf(fileOf('win-x64'))).node);
    const { stdout } = await execa('llvm-readobj', ['--file-headers', file]);
    expect(stdout).toContain('CertificateTableRVA: 0x0');
    const { all } = await execa('osslsigncode', ['verify', '-in', file], { reject: false, all: true });
    expect(all).toContain('No signature found');
  },
);

describe('without a change', () => {
  test('a Node for Linux keeps its symbol table where runtime.strip is off', async () => {
    const { node, runtime } = await runtimeOf(path.join(whole, 'locales_linux-x64'));
    expect(runtime.changes).toEqual([]);
    expect(runtime.sha256).toBe(runtime.official.sha256);
    expect(node.includes('.symtab')).toBe(true);
  });

  test('a Node for Windows is what was published', async () => {
    const { runtime } = await runtimeOf(path.join(whole, 'locales_win-x64.exe'));
    expect(runtime.changes).toEqual([]);
    expect(runtime.sha256).toBe(runtime.official.sha256);
  });
});

/** What a program says of kept languages has to be what the published Node of the same version says. */
async function comparesWith(
  published: (args: readonly string[]) => Promise<string>,
  slimmed: (args: readonly string[]) => Promise<string>,
): Promise<void> {
  for (const locale of ['de', 'de-AT', 'en', 'en-GB']) {
    expect(JSON.parse(await slimmed([locale]))).toEqual(JSON.parse(await published([locale])));
  }
  const { collations: _, ...rest } = JSON.parse(await slimmed([]));
  const { collations: __, ...before } = JSON.parse(await published([]));
  expect(rest).toEqual(before);
  const french = JSON.parse(await slimmed(['fr']));
  expect(french['fr date full']).toBe(JSON.parse(await slimmed(['en-US']))['en-US date full']);
  expect(french['fr supported']).toBe('0,0,0,0,0,0');
}

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'linux-x64 answers in kept languages as the published Node does, and others in English',
  async () => {
    const env = { LC_ALL: 'C', SARMA_CACHE_DIR: await temporaryDirectory() };
    const output = async (file: string, args: readonly string[]) => (await run(file, args, { env })).stdout;
    await comparesWith(
      (args) => output(path.join(whole, 'locales_linux-x64'), args),
      (args) => output(fileOf('linux-x64'), args),
    );
  },
);

test.skipIf(lacks('arm64'))('linux-arm64 does, under qemu-user', { timeout: 300_000 }, async () => {
  const env = { LC_ALL: 'C', SARMA_CACHE_DIR: await temporaryDirectory() };
  const { stdout } = await run(fileOf('linux-arm64'), ['de', 'fr', 'en-US'], { env });
  const { 'de date full': german, 'fr date full': french, 'en-US date full': english } = JSON.parse(stdout);
  expect(german).toMatch(/^Dienstag, 5\. März 2024 um 09:07:09/);
  expect(french).toBe(english);
});

test.skipIf(lacks('wine'))('win-x64 does, under Wine', { timeout: 300_000 }, async () => {
  const prefix = await temporaryDirectory();
  const env = { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all', SARMA_CACHE_DIR: 'C:\\cache' };
  await run('wine', ['winecfg', '-v', 'win10'], { env });
  const output = async (file: string, args: readonly string[]) =>
    (await run('wine', [file, ...args], { env })).stdout;
  await comparesWith(
    (args) => output(path.join(whole, 'locales_win-x64.exe'), args),
    (args) => output(fileOf('win-x64'), args),
  );
});

test('an install is what the manifest says, and is checked by it', async () => {
  const base = await temporaryDirectory();
  await run(fileOf('linux-x64'), [], { env: { SARMA_CACHE_DIR: base } });
  const { runtime } = await onlyInstall(base);
  const node = await readFile(path.join(runtime, 'bin/node'));
  const manifest = (await runtimeOf(fileOf('linux-x64'))).runtime;
  expect(createHash('sha256').update(node).digest('hex')).toBe(manifest.sha256);
  expect(await readdir(path.join(base, 'runtimes'))).toEqual([manifest.directory]);
});

test('a language that there is none of stops the build, with those near it', async () => {
  const program = await makeProgram(
    { name: 'locales', bin: 'main.cjs' },
    config("{ wrap: { locales: ['en', 'deu'] } }"),
  );
  const out = await temporaryDirectory();
  const args = [program.directory, '-t', 'linux-x64', '--runtime', '22', '-o', `${out}/`];
  const { exitCode, stdout, stderr } = await wrapCommand(args);
  expect(exitCode).not.toBe(0);
  expect(stdout + stderr).toContain(
    'wrap.locales has "deu", and the runtime has no data for such a language.',
  );
  expect(stdout + stderr).toMatch(/Near it: .*\bde\b/);
});
