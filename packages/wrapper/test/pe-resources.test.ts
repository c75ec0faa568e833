import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { checksum, embed } from '../src/executables/pe.ts';
import { readPe } from '../src/executables/pe-headers.ts';
import { readIcon } from '../src/executables/pe-icon.ts';
import { checkManifest, DEFAULT_MANIFEST } from '../src/executables/pe-manifest.ts';
import { readResourceFiles } from '../src/executables/pe-program-resources.ts';
import { withResources } from '../src/executables/pe-resources.ts';
import { versionInformation } from '../src/executables/pe-version.ts';
import { DEFAULT_SETTINGS } from '../src/settings.ts';
import { assemble, compileStub, STAMP_MAGIC } from './support/compile-stub.ts';
import { makeIcon, makePng } from './support/icons.ts';
import { iconIn, relocationsIn, resourcesIn, sectionsOf, versionIn } from './support/pe-resources-check.ts';

const directory = mkdtempSync(join(tmpdir(), 'sarma-resources-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => vi.useRealTimers());

const icon = makeIcon(16, 32, 48, 256);
const described = {
  product: 'kv',
  program: 'kv-admin',
  version: '1.2.3',
  description: 'Ключи 値 🗝',
  author: 'Ann',
};
const resources = {
  icon: readIcon(icon, 'app.ico'),
  manifest: Buffer.from(DEFAULT_MANIFEST),
  version: versionInformation(described, {}),
  subsystem: 'gui',
} as const;

describe.each(['x86_64-windows-gnu', 'aarch64-windows-gnu', 'x86-windows-gnu'])('%s', (target) => {
  const script = join(directory, 'own.rc');
  writeFileSync(script, '1 24 { "<own/>" }\n7 RCDATA { "of the stub\'s own, and rather long" }\n');
  describe.each([
    ['without resources of its own', []],
    ['with resources of its own', [script]],
  ])('a stub %s', (_, options) => {
    const stub = compileStub(target, '-fstrip', ...options);
    const file = withResources(stub, resources);

    test('is a program that can be mapped', () => {
      const [before, after] = [sectionsOf(stub), sectionsOf(file)];
      expect(after.map(({ name }) => name).filter((name) => name !== '.rsrc')).toEqual(
        before.map(({ name }) => name).filter((name) => name !== '.rsrc'),
      );
      for (const section of after.filter(({ name }) => name !== '.rsrc')) {
        const old = before.find(({ name }) => name === section.name)!;
        expect(section).toMatchObject({ memory: old.memory, size: old.size });
        // Behind the resources lies what the loader finds by its directory.
        if (section.name === '.reloc') expect(relocationsIn(file)).toBe(section.address);
        else expect(section.address).toBe(old.address);
        const bytes = stub.subarray(old.offset, old.offset + old.size);
        expect(file.subarray(section.offset, section.offset + section.size).equals(bytes)).toBe(true);
      }
    });

    test('has icon, version information and manifest, and nothing else', () => {
      const found = resourcesIn(file);
      expect(found.map(({ type, name }) => [type, name])).toEqual([
        ...[1, 2, 3, 4].map((name) => [3, name]),
        ...[14, 16, 24].map((type) => [type, 1]),
      ]);
      expect(iconIn(found)).toEqual(icon);
      expect(found.at(-1)!.bytes.toString()).toBe(DEFAULT_MANIFEST);
      expect(versionIn(found)).toEqual({
        file: '1.2.3.0',
        product: '1.2.3.0',
        flags: 0,
        language: '040904b0',
        translation: '040904b0',
        strings: {
          CompanyName: 'Ann',
          FileDescription: 'Ключи 値 🗝',
          FileVersion: '1.2.3',
          InternalName: 'kv-admin',
          LegalCopyright: 'Copyright Ann',
          OriginalFilename: 'kv-admin.exe',
          ProductName: 'kv',
          ProductVersion: '1.2.3',
        },
      });
    });

    test('has the subsystem that was asked for, and a checksum', () => {
      const { subsystemAt, checksumAt } = readPe(file);
      expect(file.readUInt16LE(subsystemAt)).toBe(2);
      expect(file.readUInt32LE(checksumAt)).toBe(checksum(file, checksumAt));
      const console = withResources(stub, { ...resources, subsystem: 'console' });
      expect(console.readUInt16LE(subsystemAt)).toBe(3);
    });

    test('keeps its one stamp, which holds in the executable made of it', () => {
      const at = file.indexOf(STAMP_MAGIC);
      expect(file.indexOf(STAMP_MAGIC, at + 1)).toBe(-1);
      const section = sectionsOf(file).find(({ name }) => name === '.stamp')!;
      expect(at).toBe(section.offset);
      const payload = Buffer.alloc(5000, 'payload ');
      const executable = assemble(file, payload, embed(file, payload.length));
      expect(executable[at + 20]).toBe(42);
      expect(iconIn(resourcesIn(executable))).toEqual(icon);
      const { checksumAt } = readPe(executable);
      expect(executable.readUInt32LE(checksumAt)).toBe(checksum(executable, checksumAt));
    });

    test('has the same bytes whenever it is made, and also when it is given them twice', () => {
      vi.useFakeTimers({ now: new Date('2001-02-03') });
      expect(withResources(stub, resources).equals(file)).toBe(true);
      expect(resourcesIn(withResources(file, resources))).toEqual(resourcesIn(file));
    });
  });
});

describe('version information', () => {
  const numbersOf = (version: string) => {
    const { file, product, prerelease } = versionInformation({ ...described, version }, {});
    expect(product).toEqual(file);
    return [file.join('.'), prerelease];
  };

  test.each([
    ['1.2.3', '1.2.3.0', false],
    ['1.2.3-beta.4', '1.2.3.0', true],
    ['v1.2.3-beta', '1.2.3.0', true],
    ['1.2-beta', '1.2.0.0', true],
    ['1.2.3+build-7', '1.2.3.0', false],
    ['1.2.3+build.7', '1.2.3.0', false],
    ['2026.11.21', '2026.11.21.0', false],
    ['1.2.3.4', '1.2.3.4', false],
    ['v1.2', '1.2.0.0', false],
    ['20261121.0.70000', '65535.0.65535.0', false],
    ['4e1f3a2', '0.0.0.0', false],
    ['1234abc', '0.0.0.0', false],
  ])('%s has the numbers %s', (version, numbers, prerelease) => {
    expect(numbersOf(version)).toEqual([numbers, prerelease]);
  });

  test('has the description, or the name of the program', () => {
    const { strings } = versionInformation({ product: 'a', program: 'b', version: '1.0.0' }, {});
    expect(strings).toEqual({
      FileDescription: 'b',
      FileVersion: '1.0.0',
      InternalName: 'b',
      OriginalFilename: 'b.exe',
      ProductName: 'a',
      ProductVersion: '1.0.0',
    });
  });

  test.each([
    [{ author: 'Ann', license: 'MIT' }, 'Copyright Ann. License: MIT'],
    [{ author: undefined, license: '(MIT OR Apache-2.0)' }, 'License: (MIT OR Apache-2.0)'],
    [{ author: 'Ann', license: 'UNLICENSED' }, 'Copyright Ann'],
    [{ author: 'Ann', license: 'SEE LICENSE IN terms.txt' }, 'Copyright Ann'],
    [{ author: undefined, license: undefined }, undefined],
  ])('author and license %j are the copyright "%s"', (about, copyright) => {
    expect(versionInformation({ ...described, ...about }, {}).strings.LegalCopyright).toBe(copyright);
  });

  test('what the release says is said instead, and numbers follow', () => {
    const own = { CompanyName: 'Ours', FileVersion: '9.8.7.6', Comments: 'none' };
    const { strings, file, product } = versionInformation(described, own);
    expect(strings).toMatchObject({ ...own, ProductName: 'kv', ProductVersion: '1.2.3' });
    expect([file, product]).toEqual([
      [9, 8, 7, 6],
      [1, 2, 3, 0],
    ]);
  });

  test('longer than Windows takes is refused in words', () => {
    expect(() => versionInformation({ ...described, description: 'x'.repeat(40_000) }, {})).toThrow(
      /^The version information of kv-admin has 40\d{3} characters/,
    );
  });

  test('as long as is let through can be read back', () => {
    const description = 'x'.repeat(29_800);
    const version = versionInformation({ ...described, description }, {});
    const stub = compileStub('x86_64-windows-gnu', '-fstrip');
    const found = versionIn(resourcesIn(withResources(stub, { ...resources, version })));
    expect(found.strings).toEqual(version.strings);
  });
});

describe('an icon', () => {
  test.each([
    [Buffer.alloc(0), 'is empty'],
    [makePng(64), 'is a PNG picture'],
    [Buffer.from('ffd8ffe000104a46494600', 'hex'), 'is a JPEG picture'],
    [Buffer.from('BM..........'), 'is a BMP picture'],
    [Buffer.from('GIF89a......'), 'is a GIF picture'],
    [Buffer.from('<?xml version="1.0"?><svg/>'), 'is an SVG picture'],
    [Buffer.from('icns........'), 'is an icon of macOS'],
    [Buffer.from([0, 0, 2, 0, 1, 0, 0, 0]), 'is a cursor'],
    [Buffer.from('something else'), 'is no picture that is known here'],
    [makeIcon(), 'without an image'],
    [icon.subarray(0, 60), 'image 1 of 4 is not whole'],
    [icon.subarray(0, -1), 'image 4 of 4 is not whole'],
    [Buffer.concat([icon.subarray(0, 70), Buffer.alloc(4), icon.subarray(74)]), 'image 1 of 4 is not whole'],
  ])('of other content is refused in words (%#)', (content, what) => {
    expect(() => readIcon(content, 'app.ico')).toThrow(
      expect.objectContaining({
        code: 'NOT_AN_ICON',
        message: expect.stringContaining(`app.ico ${what}`.replace(/^app.ico (without|image)/, '$1')),
      }),
    );
  });

  test('that is a folder is refused in words', async () => {
    const settings = { ...DEFAULT_SETTINGS, windows: { ...DEFAULT_SETTINGS.windows, icon: directory } };
    await expect(readResourceFiles(settings)).rejects.toThrow(`${directory} cannot be read`);
  });
});

describe('a manifest', () => {
  const assembly = '<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"';
  test.each([
    ['ours', DEFAULT_MANIFEST],
    ['a short one', `${assembly}/>`],
    ['with a byte order mark', `\ufeff<?xml version="1.0"?>${assembly}></assembly>`],
    ['with a prefix', '<a:assembly xmlns:a="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"/>'],
  ])('is taken: %s', (_, text) => {
    expect(() => checkManifest(Buffer.from(text), 'app.manifest')).not.toThrow();
  });

  test.each([
    ['', 'it holds no XML element'],
    ['{ "json": 1 }', 'in line 1'],
    [`${assembly}>`, 'Unclosed root tag'],
    [`${assembly}>\n<a>\n</b></assembly>`, 'in line 3'],
    [`${assembly}/>\n${assembly}/>`, 'a second outermost element begins in line 2'],
    ['<assembly/>', 'its outermost element is assembly'],
    ['<html xmlns="urn:schemas-microsoft-com:asm.v1"/>', 'its outermost element is html'],
    [Buffer.from(`${assembly}/>`, 'utf16le'), 'in line 1'],
    [Buffer.from([0xff, 0xfe, 0x3c, 0]), 'its text is not UTF-8'],
  ])('of other content is refused in words (%#)', (text, what) => {
    expect(() => checkManifest(Buffer.from(text as string), 'app.manifest')).toThrow(
      expect.objectContaining({
        code: 'NOT_A_MANIFEST',
        message: expect.stringMatching(new RegExp(`^app.manifest is no application manifest: .*${what}`)),
      }),
    );
  });
});
