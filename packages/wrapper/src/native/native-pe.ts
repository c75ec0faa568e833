import { identify } from '../executables/identify.ts';
import { type Pe, readPe } from '../executables/pe-headers.ts';
import type { NativeFile } from './native-file.ts';
import { abiOf, type Symbols } from './node-abi.ts';
import { type DataImage, registeredVersion } from './node-module.ts';

/** IMAGE_FILE_DLL */
const DLL = 0x2000;
/** Data directories, by their index ("PE Format"). */
const DIRECTORY = { EXPORTS: 0, IMPORTS: 1, DELAYED_IMPORTS: 13, DOTNET: 14 } as const;

/** Null for what begins like a program for DOS and is none for Windows. Throws MalformedExecutableError. */
export function readNativePe(file: Buffer): NativeFile | null {
  if (file.length < 0x40) return null;
  const header = file.readUInt32LE(0x3c);
  if (header + 4 > file.length || file.readUInt32BE(header) !== 0x50450000) return null;
  const pe = readPe(file);
  const isLibrary = (pe.characteristics & DLL) !== 0;
  const abi = isLibrary ? abiOf(symbolsOf(file, pe), () => registeredVersion(imageOf({ file, pe }))) : null;
  // An assembly without machine code says that it is for x86.
  const isAssembly = (pe.directories[DIRECTORY.DOTNET]?.address ?? 0) !== 0 && pe.machine === 0x14c;
  return {
    format: 'pe',
    os: 'win',
    kind: abi !== null ? 'addon' : isLibrary ? 'library' : 'executable',
    cpus: [isAssembly ? 'any' : (identify(file)?.cpu ?? 'unknown')],
    libc: null,
    glibc: null,
    glibcxx: null,
    cxxabi: null,
    abi,
    macos: null,
  };
}

function symbolsOf(file: Buffer, pe: Pe): Symbols {
  const image: Image = { file, pe };
  return { exports: new Set(exportsOf(image)), imports: new Set(importsOf(image)) };
}

interface Image {
  readonly file: Buffer;
  readonly pe: Pe;
}

/** Far more than any file has; a damaged one must not keep a build busy. */
const MAXIMUM_ENTRIES = 65536;

function exportsOf(image: Image): string[] {
  const table = image.pe.directories[DIRECTORY.EXPORTS]?.address ?? 0;
  const count = table === 0 ? 0 : numberAt(image, table + 24);
  const names = numberAt(image, table + 32);
  if (count > MAXIMUM_ENTRIES) return [];
  return Array.from({ length: count }, (_, index) => stringAt(image, numberAt(image, names + index * 4)));
}

/** Import tables: where an entry has the address of its names, and how long it is. Delayed is what node.exe gives. */
const IMPORT_TABLES = [
  { directory: DIRECTORY.IMPORTS, names: 0, length: 20 },
  { directory: DIRECTORY.DELAYED_IMPORTS, names: 16, length: 32 },
] as const;

function importsOf(image: Image): string[] {
  const found: string[] = [];
  for (const { directory, names, length } of IMPORT_TABLES) {
    const table = image.pe.directories[directory]?.address ?? 0;
    if (table === 0) continue;
    for (let entry = table; found.length < MAXIMUM_ENTRIES; entry += length) {
      const list = numberAt(image, entry + names);
      if (list === 0) break;
      found.push(...namesIn(image, list));
    }
  }
  return found;
}

/** Names of a list that ends with 0; what is imported by number has its highest bit set and no name. */
function namesIn(image: Image, list: number): string[] {
  const size = image.pe.bits / 8;
  const found: string[] = [];
  for (let at = list; found.length < MAXIMUM_ENTRIES; at += size) {
    const low = numberAt(image, at);
    const high = size === 8 ? numberAt(image, at + 4) : low;
    if (low === 0 && high === 0) return found;
    // A hint of two bytes lies before the name.
    if (high >>> 31 === 0) found.push(stringAt(image, low + 2));
  }
  return found;
}

/** The number of 4 bytes at an address relative to the image's base; 0 where the file has nothing. */
function numberAt(image: Image, address: number): number {
  const offset = fileOffset(image, address);
  return offset === undefined || offset + 4 > image.file.length ? 0 : image.file.readUInt32LE(offset);
}

function stringAt(image: Image, address: number): string {
  const offset = fileOffset(image, address);
  if (offset === undefined) return '';
  const end = image.file.indexOf(0, offset);
  return image.file.toString('latin1', offset, end < 0 ? offset : end);
}

function fileOffset({ pe }: Image, address: number): number | undefined {
  const section = pe.sections.find(({ address: start, size }) => start <= address && address < start + size);
  return section && section.offset + address - section.address;
}

/** IMAGE_SCN_MEM_WRITE */
const WRITABLE = 0x80000000;

function imageOf(image: Image): DataImage {
  const { file, pe } = image;
  const { bits, imageBase } = pe;
  const data = pe.sections.filter(({ characteristics }) => (characteristics & WRITABLE) !== 0);
  const pointerAt = (offset: number) => {
    const address = bits === 64 ? Number(file.readBigUInt64LE(offset)) : file.readUInt32LE(offset);
    return fileOffset(image, address - imageBase);
  };
  return { file, bits, littleEndian: true, data, pointerAt };
}
