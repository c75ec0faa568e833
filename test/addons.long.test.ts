// Native addons of real packages, of every kind there is (promises P2 and P3): wrapped on one Linux machine for several
// systems, each with files of its own, and run where that is possible, with no node_modules anywhere.
import { spawnSync } from 'node:child_process';
import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { filesInside } from '../packages/wrapper/test/support/files-inside.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runNode, temporaryDirectory, wrapCommand } from './support/run.ts';
import { sealedMachine } from './support/sealed.ts';

/** What the program can be asked for: each answer comes from a native file. */
const ACTIONS = {
  /** napi-rs, an optional dependency per system. */
  crc32: `const { crc32 } = await import('@node-rs/crc32'); return crc32('hello');`,
  swc: `const swc = await import('@swc/core'); return (await swc.transform('const x: number = 1', { jsc: { parser: { syntax: 'typescript' } } })).code;`,
  /** prebuilds/ with node-gyp-build's and with require-addon's loader. */
  utf8: `return (await import('utf-8-validate')).default(Buffer.from('grüße'));`,
  sodium: `const sodium = (await import('sodium-native')).default; const hash = Buffer.alloc(32); sodium.crypto_generichash(hash, Buffer.from('hello')); return hash.toString('hex');`,
  bcrypt: `const bcrypt = (await import('bcrypt')).default; return bcrypt.hashSync('hello', '$2b$04$abcdefghijklmnopqrstuu');`,
  /** An addon with shared libraries in another package. */
  sharp: `const sharp = (await import('sharp')).default; const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: 'red' } }).png().toBuffer(); return png.toString('base64');`,
  /** A program that the package starts. */
  esbuild: `const esbuild = await import('esbuild'); return (await esbuild.transform('let x: number = 1', { loader: 'ts' })).code;`,
} as const;
type Action = keyof typeof ACTIONS;
const ALL = Object.keys(ACTIONS) as Action[];

// Written synchronously: Wine's pipes lose what console.log has not written yet.
const source = `
import { writeSync } from 'node:fs';
const actions = {
  ${Object.entries(ACTIONS)
    .map(([name, body]) => `${name}: async () => { ${body} },`)
    .join('\n  ')}
};
const answers = {};
for (const name of process.argv.slice(2)) answers[name] = await actions[name]();
writeSync(1, JSON.stringify(answers));
process.exit(0);
`;

const TARGETS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win-x64'] as const;
type Name = (typeof TARGETS)[number];

let program: Program;
let outputs: string;
let expected: Readonly<Record<string, unknown>>;

const fileOf = (target: string) =>
  path.join(outputs, `addons_${target}${target.startsWith('win-') ? '.exe' : ''}`);

const only = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, expected[name]]));

const wrapFor = (targets: readonly Name[], args: readonly string[]) =>
  wrapCommand([
    program.directory,
    '-t',
    targets.join(','),
    '--per-target',
    '--compression',
    'fast',
    '-o',
    `${outputs}/`,
    ...args,
  ]);

beforeAll(async () => {
  program = await makeProgram(
    {
      name: 'addons',
      bin: 'main.mjs',
      dependencies: {
        '@node-rs/crc32': '1.10.8',
        '@swc/core': '1.16.18',
        bcrypt: '6.0.0',
        esbuild: '0.28.2',
        sharp: '0.35.5',
        'sodium-native': '5.1.0',
        'utf-8-validate': '6.0.6',
      },
    },
    { 'main.mjs': source },
  );
  const { stdout, stderr, exitCode } = await runNode(program, ALL);
  if (exitCode !== 0) throw new Error(stderr);
  expected = JSON.parse(stdout);
  outputs = await temporaryDirectory();
  for (const [targets, args] of [
    [['linux-x64', 'linux-arm64', 'darwin-arm64'], []],
    // Wine 8 cannot start Node 24.
    [['win-x64'], ['--runtime', '22']],
  ] as const) {
    const { exitCode, stdout, stderr } = await wrapFor(targets, args);
    if (exitCode !== 0) throw new Error(stdout + stderr);
  }
});

test('plain Node gives every answer', () => {
  expect(Object.keys(expected)).toEqual(ALL);
});

/** By the first fields of their headers, and nothing of ours. */
const KINDS: Readonly<Record<Name, (file: Buffer) => boolean>> = {
  'linux-x64': (file) => isElf(file) && file.readUInt16LE(18) === 62,
  'linux-arm64': (file) => isElf(file) && file.readUInt16LE(18) === 183,
  'darwin-arm64': (file) => isMacho(file) && file.readUInt32LE(4) === 0x0100000c,
  'win-x64': (file) => isPe(file) && file.readUInt16LE(file.readUInt32LE(0x3c) + 4) === 0x8664,
};
const isElf = (file: Buffer) => file.length > 64 && file.readUInt32BE(0) === 0x7f454c46;
const isMacho = (file: Buffer) => file.length > 64 && [0xfeedfacf, 0xbebafeca].includes(file.readUInt32LE(0));
const isPe = (file: Buffer) => file.length > 64 && file.readUInt16BE(0) === 0x4d5a;

describe.each(TARGETS)('the executable for %s', (target) => {
  test('holds native files of its own, and none of another', async () => {
    const inside = await filesInside(fileOf(target));
    const files = [...inside].filter(([, file]) => isElf(file) || isMacho(file) || isPe(file));
    expect(files.filter(([, file]) => !KINDS[target](file)).map(([place]) => place)).toEqual([]);
    const places = files.map(([place]) => place).join('\n');
    for (const name of ['crc32', 'swc', 'bcrypt', 'esbuild', 'sharp', 'sodium'])
      expect(places).toMatch(new RegExp(`node_modules/.*${name}.*`));
  });
});

describe.each([
  ['linux-x64', 'x64'],
  ['linux-arm64', 'arm64'],
] as const)('on %s', (target, cpu) => {
  const isHere = process.platform === 'linux' && process.arch === cpu;
  test.skipIf(lacks('mounts', ...(isHere || cpu === 'x64' ? [] : (['arm64'] as const))))(
    'every addon works in an empty directory, with the project out of sight',
    { timeout: 300_000 },
    async () => {
      const machine = await sealedMachine(fileOf(target));
      // Nothing of the project is there, and nothing in the directory.
      const { stdout, stderr, exitCode } = await machine.shell(
        `if [ -e '${program.directory}' ]; then exit 9; fi\nmkdir empty\ncd empty\nexport HOME=/mnt/home\nmkdir "$HOME"\n/mnt/app ${ALL.join(' ')}\n`,
      );
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toEqual(expected);
    },
  );
});

// Wine 8 has no bcryptprimitives.dll, which programs in Go (esbuild) and Rust (crc32, swc) ask of Windows 10, nor all that
// sharp's libraries do.
describe.skipIf(spawnSync('wine', ['--version']).error !== undefined)('under Wine', () => {
  test('addons in C and C++ work, with the project away', { timeout: 300_000 }, async () => {
    const prefix = await temporaryDirectory();
    const env = { WINEPREFIX: prefix, WINEDEBUG: '-all', SARMA_CACHE_DIR: undefined };
    await run('wine', ['winecfg', '-v', 'win10'], { env });
    const actions = ['utf8', 'sodium', 'bcrypt'];
    await rename(program.directory, `${program.directory}.away`);
    try {
      const cwd = await temporaryDirectory();
      // What Node here makes for a child's stderr are sockets, which are no files to Wine.
      const line = 'wine "$0" "$@" 2> errors | cat; cat errors >&2';
      const { stdout, stderr } = await run('sh', ['-c', line, fileOf('win-x64'), ...actions], { env, cwd });
      expect({ stderr, answers: JSON.parse(stdout || '{}') }).toEqual({ stderr: '', answers: only(actions) });
    } finally {
      await rename(`${program.directory}.away`, program.directory);
    }
  });
});

test('a package that has none for a target stops that target alone, before anything is written', async () => {
  const sodium = await makeProgram(
    { name: 'sodium', bin: 'main.js', dependencies: { 'sodium-native': '5.1.0' } },
    { 'main.js': `require('sodium-native');` },
  );
  const output = await temporaryDirectory();
  const args = ['--runtime', '20', '--per-target', '--compression', 'fast', '-o', `${output}/`];
  const wrapBoth = (...more: readonly string[]) =>
    wrapCommand([sodium.directory, '-t', 'linux-x64,linux-armv7l', ...args, ...more]);
  const { stderr, exitCode } = await wrapBoth();
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/linux-armv7l: .*\n +sodium-native@5\.1\.0: /);
  expect(stderr).toContain("--skip-addons 'sodium-native'");
  expect((await readdir(output)).filter((name) => !name.includes('.'))).toEqual([
    'SHA256SUMS',
    'sodium_linux-x64',
  ]);
  expect((await wrapBoth('--skip-addons', 'sodium-native')).exitCode).toBe(0);
});
