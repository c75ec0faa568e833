// Executables for Windows, looked at from outside on any host: what P17 to P19 promise of them. They are run in
// windows.long.test.ts.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeFrame, openExecutable } from '../packages/wrapper/src/executable-file.ts';
import { fetchRuntimes, findTarget, loadTargets } from '../packages/wrapper/src/index.ts';
import { makeIcon, makePng } from '../packages/wrapper/test/support/icons.ts';
import {
  iconIn,
  resourcesIn,
  sectionsOf,
  versionIn,
} from '../packages/wrapper/test/support/pe-resources-check.ts';
import { selfSigned } from '../packages/wrapper/test/support/self-signed.ts';
import { writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { runCommand, temporaryDirectory, wrapCommand } from './support/run.ts';

const signing = !lacks('osslsigncode', 'openssl');
const TARGETS = ['win-x64', 'win-arm64', 'win-x86'] as const;
const icon = makeIcon(16, 32, 256);

/** A project with these settings of `wrap.windows`, and `files` besides. */
async function makeProject(windows: object, files: Readonly<Record<string, string | Buffer>> = {}) {
  const project = await temporaryDirectory();
  const manifest = {
    name: 'shown',
    version: '1.2.3-rc.1',
    description: 'Shows what it is: Größe, 日本',
    author: { name: 'Ann Example' },
    license: 'MIT',
    bin: 'main.js',
    sarma: { wrap: { windows } },
  };
  await writeFiles(project, { 'package.json': JSON.stringify(manifest), 'main.js': 'console.log(1)' });
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(project, name), content);
  return project;
}

async function wrapFor(project: string, ...targets: readonly string[]) {
  const fixed = ['-t', targets.join(), '--runtime', '22', '--compression', 'fast', '-o', `${project}/out/`];
  return await wrapCommand([project, ...fixed]);
}

describe('with an icon, a signature and own strings', () => {
  let project: string;
  const fileOf = (target: string) => path.join(project, 'out', `shown_${target}.exe`);

  beforeAll(async () => {
    project = await makeProject(
      {
        icon: 'app.ico',
        subsystem: 'gui',
        version: { CompanyName: 'Ours', ProductName: 'The Shown' },
        ...(signing && {
          sign: 'osslsigncode sign -certs certificate.pem -key key.pem -h sha256 -in {file} -out {file}.signed && mv {file}.signed {file}',
        }),
      },
      { 'app.ico': icon },
    );
    if (signing) selfSigned(project, 'Self made');
    const { exitCode, stdout, stderr } = await wrapFor(project, ...TARGETS);
    if (exitCode !== 0) throw new Error(`wrap ended with ${exitCode}:\n${stdout}${stderr}`);
  });

  /** What osslsigncode says of a file, with the self-made certificate as the one to be trusted. */
  const verifySignature = async (bytes: Buffer) => {
    const file = path.join(await temporaryDirectory(), 'verified.exe');
    await writeFile(file, bytes);
    const command = ['verify', '-CAfile', path.join(project, 'certificate.pem'), '-in', file];
    const { stdout, stderr } = spawnSync('osslsigncode', command, { encoding: 'utf8' });
    return stdout + stderr;
  };

  describe.each(TARGETS)('%s', (target) => {
    test('shows the icon, what package.json says of the project, and what the release says instead', async () => {
      const file = await readFile(fileOf(target));
      const found = resourcesIn(file);
      expect(iconIn(found)).toEqual(icon);
      expect(versionIn(found)).toMatchObject({
        file: '1.2.3.0',
        product: '1.2.3.0',
        flags: 2,
        strings: {
          CompanyName: 'Ours',
          FileDescription: 'Shows what it is: Größe, 日本',
          FileVersion: '1.2.3-rc.1',
          LegalCopyright: 'Copyright Ann Example. License: MIT',
          OriginalFilename: 'shown.exe',
          ProductName: 'The Shown',
        },
      });
      const manifest = found.find(({ type }) => type === 24)!.bytes.toString();
      expect(manifest).toContain('>true</longPathAware>');
      expect(manifest).toContain('>UTF-8</activeCodePage>');
      expect(manifest).toContain('level="asInvoker"');
      expect(subsystemOf(file)).toBe(2);
    });

    test('holds node.exe byte for byte as it was published, with the signature of its vendor', async () => {
      const runtime = await runtimeIn(fileOf(target));
      const { version } = (await inspect(fileOf(target))).manifest.runtime;
      const fetched = await publishedRuntime(project, target, version);
      expect(createHash('sha256').update(runtime).digest('hex')).toBe(fetched.sha256);
      expect(runtime.equals(await readFile(fetched.file))).toBe(true);
      if (!signing) return;
      const said = await verifySignature(runtime);
      const digests = [...said.matchAll(/message digest +: ([0-9A-F]{64})/g)].map(([, digest]) => digest);
      expect(digests).toHaveLength(2);
      expect(digests[0]).toBe(digests[1]);
      expect(said).toContain('CN=OpenJS Foundation');
    });

    test.skipIf(!signing)(
      'is signed by the command of the release, and the signature covers all of it',
      async () => {
        const signed = await readFile(fileOf(target));
        expect(await verifySignature(signed)).toContain('Signature verification: ok');
        const { stamp } = await inspect(fileOf(target));
        const places = {
          payload: stamp.payloadOffset + 10_000_000,
          manifest: stamp.manifestOffset + 40,
          code: sectionsOf(signed).find(({ name }) => name === '.text')!.offset + 0x300,
          icon: sectionsOf(signed).find(({ name }) => name === '.rsrc')!.offset + 0x400,
        };
        for (const [what, at] of Object.entries(places)) {
          const altered = Buffer.from(signed);
          altered[at]! ^= 1;
          const said = await verifySignature(altered);
          expect(said, what).not.toContain('Signature verification: ok');
          expect(said, what).toContain('MISMATCH');
        }
      },
    );

    test.skipIf(!signing)('can be inspected and verified when it is signed', async () => {
      const verified = await runCommand(['verify', fileOf(target)]);
      expect(verified.stdout).toContain('ok      signature: fits the file and names CN=Self made as signer');
      expect(verified.exitCode).toBe(0);
    });

    test.skipIf(!signing)('that was altered anywhere is not whole to sarma verify', async () => {
      const altered = await readFile(fileOf(target));
      altered[sectionsOf(altered).find(({ name }) => name === '.text')!.offset + 0x300]! ^= 1;
      const file = path.join(await temporaryDirectory(), 'altered.exe');
      await writeFile(file, altered);
      const { exitCode, stdout } = await runCommand(['verify', file]);
      expect(stdout).toMatch(/failed {2}signature: .*it was altered after it was signed/);
      expect(exitCode).toBe(1);
    });
  });
});

describe('without any settings', () => {
  test('version information and manifest are there, it is a console program, and verify knows of no signature', async () => {
    const project = await makeProject({});
    expect(await wrapFor(project, 'win-x64')).toMatchObject({ exitCode: 0 });
    const out = path.join(project, 'out', 'shown_win-x64.exe');
    const file = await readFile(out);
    const found = resourcesIn(file);
    expect(found.map(({ type }) => type)).toEqual([16, 24]);
    expect(versionIn(found).strings.ProductName).toBe('shown');
    expect(subsystemOf(file)).toBe(3);
    expect((await runCommand(['verify', out])).stdout).toContain('ok      signature: none');
  });

  test("a service's launcher shows the same, and stays a console program", async () => {
    const project = await makeProject({ icon: 'app.ico', subsystem: 'gui' }, { 'app.ico': icon });
    const manifest = JSON.parse(await readFile(path.join(project, 'package.json'), 'utf8'));
    manifest.sarma = { ...manifest.sarma, kind: 'service' };
    await writeFile(path.join(project, 'package.json'), JSON.stringify(manifest));
    expect(await wrapFor(project, 'win-x64')).toMatchObject({ exitCode: 0 });
    const launcher = await fileIn(path.join(project, 'out', 'shown_win-x64.exe'), 'bin/shown.exe');
    expect(iconIn(resourcesIn(launcher))).toEqual(icon);
    expect(versionIn(resourcesIn(launcher)).strings.FileVersion).toBe('1.2.3-rc.1');
    expect(subsystemOf(launcher)).toBe(3);
  });
});

describe('files of the user', () => {
  test('a picture that was only renamed stops the build before anything is compressed, and says how to make an icon', async () => {
    const project = await makeProject({ icon: 'app.ico' }, { 'app.ico': makePng(64) });
    const { exitCode, stdout, stderr } = await wrapFor(project, 'win-x64');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `${path.join(project, 'app.ico')} is a PNG picture, and an icon has to be an .ico file. Make one`,
    );
    expect(stdout).not.toContain('win-x64: build');
  });

  test('a manifest takes the place of ours when it is one', async () => {
    const text = '<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"/>';
    const project = await makeProject({ manifest: 'own.xml' }, { 'own.xml': text });
    expect(await wrapFor(project, 'win-x64')).toMatchObject({ exitCode: 0 });
    const found = resourcesIn(await readFile(path.join(project, 'out', 'shown_win-x64.exe')));
    expect(found.find(({ type }) => type === 24)!.bytes.toString()).toBe(text);

    await writeFile(path.join(project, 'own.xml'), '<assembly');
    const { exitCode, stderr } = await wrapFor(project, 'win-x64');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${path.join(project, 'own.xml')} is no application manifest`);
  });
});

function subsystemOf(file: Buffer): number {
  return file.readUInt16LE(file.readUInt32LE(0x3c) + 24 + 68);
}

async function inspect(file: string) {
  const { stdout } = await runCommand(['inspect', '--json', file]);
  return JSON.parse(stdout);
}

async function runtimeIn(file: string): Promise<Buffer> {
  return Buffer.concat(await decodedParts(file, 'runtime'));
}

async function decodedParts(file: string, part: 'runtime' | 'release'): Promise<readonly Buffer[]> {
  const executable = await openExecutable(file);
  try {
    const frames = executable.manifest.frames.filter((frame) => frame.part === part);
    return await Promise.all(
      frames.map(async (frame) => decodeFrame(frame, await executable.stored(frame), executable.manifest)),
    );
  } finally {
    await executable.close();
  }
}

/** From the tar that is the release: a header of 512 bytes with the name first and the size in octal at 124. */
async function fileIn(file: string, name: string): Promise<Buffer> {
  const tar = Buffer.concat(await decodedParts(file, 'release'));
  for (let at = 0; at + 512 <= tar.length; ) {
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);
    const found = tar.toString('utf8', at, at + 100).replace(/\0.*/s, '');
    if (found === name) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`${name} is not in ${file}`);
}

async function publishedRuntime(project: string, name: string, version: string) {
  const target = findTarget(await loadTargets(project), name);
  const { runtimes } = await fetchRuntimes({ project, targets: [target], range: version });
  return runtimes.get(name)!;
}
