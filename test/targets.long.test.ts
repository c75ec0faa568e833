// An executable for every row of targets.json, built on one Linux machine; each is what its system expects, and what can be
// run here is run.
import { createHash } from 'node:crypto';
import { copyFile, open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import targets from '../packages/wrapper/src/targets.json' with { type: 'json' };
import { checkMacho } from '../packages/wrapper/test/support/macho-check.ts';
import { selfSigned } from '../packages/wrapper/test/support/self-signed.ts';
import { onlyInstall } from './support/installs.ts';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, runNode, temporaryDirectory, wrapCommand } from './support/run.ts';

/** Universal targets are made of these; where runtimes for musl are published may be out of reach (linux.long.test.ts). */
const NAMES = Object.keys(targets).filter(
  (name) => !('slices' in targets[name as keyof typeof targets]) && !name.endsWith('-musl'),
);
const LINUX = NAMES.filter((name) => name.startsWith('linux-'));
const DARWIN = NAMES.filter((name) => name.startsWith('darwin-'));
const WINDOWS = NAMES.filter((name) => name.startsWith('win-'));

let program: Program;
let outputs: string;
const fileOf = (target: string) =>
  path.join(outputs, `targets_${target}${target.startsWith('win-') ? '.exe' : ''}`);

beforeAll(async () => {
  program = await makeProgram(
    { name: 'targets', bin: 'src/main.mjs', type: 'module' },
    {
      'src/main.mjs': `
        import { readFile } from 'node:fs/promises';
        const { greeting } = await import('./' + 'greeting.mjs');
        console.log(greeting, await readFile(new URL('../assets/text.txt', import.meta.url), 'utf8'));
        console.log(process.argv.slice(2), process.platform);
        process.exitCode = Number(process.argv[2] ?? 0);
      `,
      'src/greeting.mjs': `export const greeting = 'grüße';`,
      'assets/text.txt': 'from an asset',
      'assets/empty': '',
      // Longer than a tar's header has room for.
      [`assets/${'long/'.repeat(30)}file.txt`]: 'deep',
    },
  );
  outputs = await temporaryDirectory();
  const args = [program.directory, '-t', NAMES.join(), '--runtime', '20 || 22 || 24', '--per-target'];
  const { exitCode, stdout, stderr } = await wrapCommand([
    ...args,
    '--compression',
    'fast',
    '-o',
    `${outputs}/`,
  ]);
  if (exitCode !== 0) throw new Error(stdout + stderr);
});

describe.each(NAMES)('the executable for %s', (target) => {
  test('is whole, says what it is, and carries the Node of its target', async () => {
    const file = fileOf(target);
    const verified = await runCommand(['verify', file]);
    expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
    const { manifest, stamp, bytes } = JSON.parse((await runCommand(['inspect', '--json', file])).stdout);
    expect({ manifest: manifest.target, stamp: stamp.target }).toEqual({ manifest: target, stamp: target });
    expect(manifest.runtime.official.source).toMatch(/^npm:node-/);
    expect(bytes).toBeGreaterThan(20_000_000);
  });
});

describe.each(LINUX)('the ELF file for %s', (target) => {
  const cpu = target.slice('linux-'.length);
  const MACHINES: Readonly<Record<string, RegExp>> = {
    x64: /^ELF64 .*X86-64/,
    arm64: /^ELF64 .*AArch64/,
    armv7l: /^ELF32 .*ARM/,
    ppc64le: /^ELF64 .*PowerPC64/,
    s390x: /^ELF64 .*S\/390/,
  };

  test.skipIf(lacks('llvm-readelf'))('is static, for its CPU, and sound for other tools', async () => {
    const { stdout, stderr } = await execa('llvm-readelf', ['-h', '-l', '-S', '--wide', fileOf(target)]);
    expect(stderr).toBe('');
    const field = (name: string) => new RegExp(`^ *${name}: +(.*)$`, 'm').exec(stdout)?.[1] ?? '';
    expect(`${field('Class')} ${field('Machine')}`).toMatch(MACHINES[cpu]!);
    expect(field('Data')).toContain(cpu === 's390x' ? 'big endian' : 'little endian');
    expect(stdout).not.toMatch(/INTERP|DYNAMIC/);
    expect(stdout).toMatch(/ \.gnu\.warning\.sarma +PROGBITS/);
    expect(stdout).toMatch(/GNU_STACK +\S+ \S+ \S+ \S+ \S+ RW /);
    expect((await stat(fileOf(target))).mode & 0o777).toBe(0o755);
  });

  test.skipIf(lacks('llvm-strip'))('is whole after its symbols were stripped', async () => {
    const stripped = path.join(await temporaryDirectory(), 'app');
    await execa('llvm-strip', ['-o', stripped, fileOf(target)]);
    expect(await runCommand(['verify', stripped])).toMatchObject({ exitCode: 0, stderr: '' });
    if (target !== 'linux-x64' || process.arch !== 'x64') return;
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    expect(await run(stripped, ['3'], { env })).toEqual(await runNode(program, ['3']));
  });
});

describe.each(DARWIN)('the Mach-O file for %s', (target) => {
  test('is as dyld, the kernel and codesign want it, every page hash included', async () => {
    const { segments, signature } = checkMacho(await readFile(fileOf(target)));
    expect(segments.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['__TEXT', '__SARMA', '__LINKEDIT']),
    );
    // CS_ADHOC of <Kernel/kern/cs_blobs.h>.
    expect(signature.flags & 2).toBe(2);
  });

  test('is not, with one byte of its payload altered', async () => {
    const bytes = await readFile(fileOf(target));
    bytes[bytes.length >> 1]! ^= 1;
    expect(() => checkMacho(bytes)).toThrow(/hash of page/);
  });
});

describe.each(WINDOWS)('the PE file for %s', (target) => {
  const MACHINES: Readonly<Record<string, string>> = { x64: 'AMD64', x86: 'I386', arm64: 'ARM64' };

  test.skipIf(lacks('llvm-readobj'))('is a console program for its CPU', async () => {
    const { stdout, stderr } = await execa('llvm-readobj', ['--file-headers', '--sections', fileOf(target)]);
    expect(stderr).toBe('');
    expect(stdout).toContain(`IMAGE_FILE_MACHINE_${MACHINES[target.slice('win-'.length)]}`);
    expect(stdout).toContain('IMAGE_SUBSYSTEM_WINDOWS_CUI');
    expect(stdout).toContain('IMAGE_DLL_CHARACTERISTICS_DYNAMIC_BASE');
  });

  test.skipIf(lacks('osslsigncode', 'openssl'))(
    'can be signed, and the signature covers the payload',
    async () => {
      const directory = await temporaryDirectory();
      const { key, certificate } = selfSigned(directory, 'Test');
      const signed = path.join(directory, 'app.exe');
      await execa('osslsigncode', [
        ...[
          'sign',
          '-h',
          'sha256',
          '-certs',
          certificate,
          '-key',
          key,
          '-in',
          fileOf(target),
          '-out',
          signed,
        ],
      ]);
      const verified = await check(signed, certificate);
      expect(verified.stdout).toContain('Signature verification: ok');
      expect(verified.exitCode).toBe(0);
      expect(await runCommand(['verify', signed])).toMatchObject({ exitCode: 0, stderr: '' });
      await flipByte(signed, (await stat(signed)).size >> 1);
      expect((await check(signed, certificate)).exitCode).not.toBe(0);
    },
  );

  const check = async (file: string, certificate: string) =>
    await execa('osslsigncode', ['verify', '-CAfile', certificate, '-in', file], { reject: false });
});

describe.skipIf(lacks('arm64'))('under qemu-user, the executable for linux-arm64', () => {
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    env = { SARMA_CACHE_DIR: await temporaryDirectory() };
  });

  test.each([[[]], [['42', 'ü ✓', '']]])('runs as Node does: %j', { timeout: 300_000 }, async (args) => {
    expect(await run(fileOf('linux-arm64'), args, { env })).toEqual(await runNode(program, args));
  });

  test('has installed what was packed', async () => {
    await holdsWhatWasPacked('linux-arm64', env.SARMA_CACHE_DIR!);
  });
});

describe.each([
  ['linux-armv7l', 'qemu-arm-static'],
  ['linux-ppc64le', 'qemu-ppc64le-static'],
  ['linux-s390x', 'qemu-s390x-static'],
] as const)('under qemu-user, the stub for %s', (target, emulator) => {
  test.skipIf(lacks(emulator))('unpacks what was packed', { timeout: 300_000 }, async () => {
    const directory = await temporaryDirectory();
    const { stderr, exitCode } = await run(emulator, [fileOf(target), 'maintenance', 'extract', directory]);
    expect({ stderr, exitCode }).toEqual({
      stderr: `targets: wrote targets 1.0.0 to ${directory}\n`,
      exitCode: 0,
    });
    await holdsWhatWasPacked(target, directory);
  });

  test.skipIf(lacks(emulator))('notices a flipped bit', { timeout: 300_000 }, async () => {
    const damaged = path.join(await temporaryDirectory(), 'app');
    await copyFile(fileOf(target), damaged);
    await flipByte(damaged, (await stat(damaged)).size >> 1);
    const directory = await temporaryDirectory();
    const { stderr, exitCode } = await run(emulator, [damaged, 'maintenance', 'extract', directory]);
    expect(stderr).toMatch(/is damaged \(frame \d+ of \d+\): download it again\n$/);
    expect(exitCode).toBe(125);
  });
});

/** An install is compared with the manifest and with the files that it was made of. */
async function holdsWhatWasPacked(target: string, base: string): Promise<void> {
  const { manifest } = JSON.parse((await runCommand(['inspect', '--json', fileOf(target)])).stdout);
  const { release, runtime } = await onlyInstall(base);
  const node = await readFile(path.join(runtime, manifest.runtime.executable));
  expect(createHash('sha256').update(node).digest('hex')).toBe(manifest.runtime.sha256);
  const assembled = path.join(program.directory, '_build/prod/rel/targets');
  const files = manifest.files as { path: string; mode: number }[];
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) {
    const installed = path.join(release, file.path);
    expect((await stat(installed)).mode & 0o777).toBe(file.mode);
    const original = path.join(assembled, file.path);
    // The guard and the bill of materials are the wrapper's own.
    if (/guard\.cjs$|sbom\.cdx\.json$/.test(file.path)) continue;
    expect(await readFile(installed)).toEqual(await readFile(original));
  }
}

async function flipByte(file: string, position: number): Promise<void> {
  const handle = await open(file, 'r+');
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
  buffer[0]! ^= 1;
  await handle.write(buffer, 0, 1, position);
  await handle.close();
}
