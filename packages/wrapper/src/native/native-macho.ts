import { MalformedExecutableError } from '../executables/errors.ts';
import { slicesOf } from '../executables/fat.ts';
import { identify } from '../executables/identify.ts';
import { LC, type Macho, MH_MAGIC_64, readMacho } from '../executables/macho-commands.ts';
import type { NativeFile } from './native-file.ts';
import { abiOf, type Symbols } from './node-abi.ts';
import { type DataImage, registeredVersion } from './node-module.ts';
import { compareVersions } from './versions.ts';

/** Throws MalformedExecutableError. */
export function readNativeMacho(file: Buffer): NativeFile | null {
  // Java classes begin like universal files, and these may hold libraries for linkers.
  const read = slicesOf(file).filter(isMacho).map(readSlice);
  const [first] = read;
  if (first === undefined) return null;
  const minima = read.flatMap(({ macos }) => macos ?? []).sort(compareVersions);
  return {
    ...first,
    cpus: [...new Set(read.flatMap(({ cpus }) => cpus))].sort(),
    macos: minima.at(-1) ?? null,
  };
}

/** Of 32 bits. */
const MH_MAGIC = 0xfeedface;

function isMacho(file: Buffer): boolean {
  return file.length >= 4 && [MH_MAGIC, MH_MAGIC_64].includes(file.readUInt32LE(0));
}

// File types (filetype) of <mach-o/loader.h>.
const MH_EXECUTE = 2;
const MH_DYLIB = 6;
const MH_BUNDLE = 8;

function readSlice(file: Buffer): NativeFile {
  if (file.length < 28) throw malformed('it ends within its header');
  const type = file.readUInt32LE(12);
  const isLibrary = type === MH_DYLIB || type === MH_BUNDLE;
  // The only ones of 32 bits that Node was ever built for are those of Intel.
  const macho = file.readUInt32LE(0) === MH_MAGIC_64 ? readMacho(file) : null;
  const abi = macho && isLibrary ? abiOf(symbolsOf(macho), () => registeredVersion(imageOf(macho))) : null;
  return {
    format: 'macho',
    os: macho && isOfOther(macho) ? 'other' : 'darwin',
    kind: abi !== null ? 'addon' : isLibrary ? 'library' : type === MH_EXECUTE ? 'executable' : 'object',
    cpus: [macho ? (identify(file)?.cpu ?? 'unknown') : 'x86'],
    libc: null,
    glibc: null,
    glibcxx: null,
    cxxabi: null,
    abi,
    macos: macho ? minimumOf(macho) : null,
  };
}

// Load commands that name the oldest system; the version lies in the nibbles xxxx.yy.zz.
const LC_VERSION_MIN_OTHERS = [0x25, 0x2f, 0x30];
const PLATFORM_MACOS = 1;

function minimumOf({ file, commands }: Macho): string | null {
  for (const { command, at } of commands) {
    if (command === LC.VERSION_MIN_MACOSX) return versionOf(file.readUInt32LE(at + 8));
    if (command === LC.BUILD_VERSION && file.readUInt32LE(at + 8) === PLATFORM_MACOS)
      return versionOf(file.readUInt32LE(at + 12));
  }
  return null;
}

/** For the telephone, the television or the watch, and what simulates these. */
function isOfOther({ file, commands }: Macho): boolean {
  return commands.some(
    ({ command, at }) =>
      LC_VERSION_MIN_OTHERS.includes(command) ||
      (command === LC.BUILD_VERSION && file.readUInt32LE(at + 8) !== PLATFORM_MACOS),
  );
}

function versionOf(packed: number): string {
  return `${packed >>> 16}.${(packed >>> 8) & 0xff}`;
}

// A symbol of <mach-o/nlist.h>: index of the name, n_type and, at 8, the value; 16 bytes.
const SYMBOL_SIZE = 16;
const N_STAB = 0xe0;
const N_TYPE = 0x0e;
const N_EXT = 0x01;

/** The external symbols, without the underscore that C names get. */
function symbolsOf({ file, commands }: Macho): Symbols {
  const imports = new Set<string>();
  const exports = new Set<string>();
  for (const { at } of commands.filter(({ command }) => command === LC.SYMTAB)) {
    const table = file.readUInt32LE(at + 8);
    const count = file.readUInt32LE(at + 12);
    const strings = file.readUInt32LE(at + 16);
    if (table + count * SYMBOL_SIZE > file.length) throw malformed('it ends within its symbols');
    for (let symbol = table; symbol < table + count * SYMBOL_SIZE; symbol += SYMBOL_SIZE) {
      const type = file[symbol + 4]!;
      if ((type & N_STAB) !== 0 || (type & N_EXT) === 0) continue;
      const start = strings + file.readUInt32LE(symbol);
      const name = file.toString('latin1', start, file.indexOf(0, start)).replace(/^_/, '');
      ((type & N_TYPE) === 0 ? imports : exports).add(name);
    }
  }
  return { imports, exports };
}

function imageOf({ file, segments }: Macho): DataImage {
  const data = segments.filter(({ name }) => name.startsWith('__DATA'));
  const pointerAt = (offset: number) => {
    // Chained fixups keep other things above the 36 bits of the address (<mach-o/fixup-chains.h>).
    const address = Number(file.readBigUInt64LE(offset) & 0xf_ffff_ffffn);
    const segment = segments.find((one) => one.address <= address && address < one.address + one.fileSize);
    return segment && segment.offset + address - segment.address;
  };
  return {
    file,
    bits: 64,
    littleEndian: true,
    data: data.map(({ offset, fileSize }) => ({ offset, size: fileSize })),
    pointerAt,
  };
}

function malformed(what: string): MalformedExecutableError {
  return new MalformedExecutableError('Mach-O', what);
}
