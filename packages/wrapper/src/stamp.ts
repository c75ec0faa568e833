import { createHash } from 'node:crypto';

/** Size of the stamp in bytes. The layout is in docs/format.md, the reader in packages/stub/src/stamp.zig. */
export const STAMP_SIZE = 4096;

const MAGIC = Buffer.from('\x89SARMA-STAMP\r\n\x1a\n', 'latin1');
const FORMAT = 1;
const STRINGS_OFFSET = 120;
const DIGEST_OFFSET = STAMP_SIZE - 32;
const FLAG = {
  stamped: 1,
  noMaintenanceWord: 2,
  ignoreNodeOptions: 4,
  shell: 8,
  service: 16,
  compileCache: 32,
} as const;

/** An argument of the program: written as it is, or a path inside the release made absolute by the stub. */
export type TemplateArgument = { readonly literal: string } | { readonly path: string };

/** What a warm run needs to know, and where the manifest is. */
export interface Stamp {
  readonly manifestOffset: number;
  readonly manifestLength: number;
  /** SHA-256, 64 hex digits. */
  readonly manifestDigest: string;
  readonly payloadOffset: number;
  readonly runtimeSize: number;
  readonly runtimeDiskSize: number;
  readonly releaseDiskSize: number;
  readonly entrySize: number;
  /** Versions of this program that stay installed, the current one included. */
  readonly keep: number;
  readonly ignoreNodeOptions: boolean;
  /** The template is executed by `/bin/sh`; on Windows by Node, with the arguments of the release's `vm.args`. */
  readonly shell: boolean;
  /** The first argument is a command of a service. */
  readonly service: boolean;
  /** The program or service may leave a compile cache in its install, which the stub keeps from growing. */
  readonly compileCache: boolean;
  readonly name: string;
  readonly version: string;
  /** First 12 hex digits of the manifest's digest. */
  readonly id: string;
  readonly target: string;
  readonly runtimeDirectory: string;
  readonly runtimeExecutable: string;
  readonly releaseDirectory: string;
  readonly entry: string;
  readonly guard: string;
  /** The first argument that means the stub itself; null switches it off. */
  readonly maintenance: string | null;
  readonly overrideVariable: string;
  readonly template: readonly TemplateArgument[];
  /** What `stubDigest` says of the executable; empty on macOS. The stub itself does not read it. */
  readonly stubDigest: string;
}

export class StampError extends Error {
  override readonly name = 'StampError';
  readonly code: 'STAMP_MISSING' | 'STAMP_DAMAGED' | 'STAMP_TOO_LONG' | 'STAMP_FORMAT';
  constructor(code: StampError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Where the stamp lies in a stub or an executable, or -1.
 * The magic occurs in other places too where a stub is itself a payload; the stub's own is the first.
 */
export function findStamp(file: Buffer): number {
  for (let at = file.indexOf(MAGIC); at !== -1; at = file.indexOf(MAGIC, at + 1)) {
    if (at + STAMP_SIZE <= file.length && file.readUInt32LE(at + 16) === FORMAT) return at;
  }
  return -1;
}

/** The 4096 bytes of a stamp. Throws StampError when paths and arguments are too long for it. */
export function encodeStamp(stamp: Stamp): Buffer {
  const strings = encodeStrings(stamp);
  if (STRINGS_OFFSET + strings.length > DIGEST_OFFSET) {
    throw new StampError(
      'STAMP_TOO_LONG',
      `The names, paths and Node arguments of "${stamp.name}" need ${strings.length} bytes, and ` +
        `${DIGEST_OFFSET - STRINGS_OFFSET} fit. Shorten the path of the entry (${stamp.entry}) or the vm arguments.`,
    );
  }
  const bytes = Buffer.alloc(STAMP_SIZE);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(FORMAT, 16);
  bytes.writeUInt32LE(
    FLAG.stamped |
      (stamp.maintenance === null ? FLAG.noMaintenanceWord : 0) |
      (stamp.ignoreNodeOptions ? FLAG.ignoreNodeOptions : 0) |
      (stamp.shell ? FLAG.shell : 0) |
      (stamp.service ? FLAG.service : 0) |
      (stamp.compileCache ? FLAG.compileCache : 0),
    20,
  );
  bytes.writeBigUInt64LE(BigInt(stamp.manifestOffset), 24);
  bytes.writeBigUInt64LE(BigInt(stamp.manifestLength), 32);
  Buffer.from(stamp.manifestDigest, 'hex').copy(bytes, 40);
  const sizes = [
    stamp.payloadOffset,
    stamp.runtimeSize,
    stamp.runtimeDiskSize,
    stamp.releaseDiskSize,
    stamp.entrySize,
  ];
  for (const [index, size] of sizes.entries()) bytes.writeBigUInt64LE(BigInt(size), 72 + 8 * index);
  bytes.writeUInt32LE(stamp.keep, 112);
  bytes.writeUInt32LE(strings.length, 116);
  strings.copy(bytes, STRINGS_OFFSET);
  digestOf(bytes)!.copy(bytes, DIGEST_OFFSET);
  return bytes;
}

/** Reads the stamp of an executable. Throws StampError when there is none, it is empty, or a bit of it is wrong. */
export function decodeStamp(bytes: Buffer): Stamp {
  if (bytes.readUInt32LE(16) !== FORMAT) {
    throw new StampError(
      'STAMP_FORMAT',
      `The stamp has format ${bytes.readUInt32LE(16)}; this Sarma reads ${FORMAT}.`,
    );
  }
  const flags = bytes.readUInt32LE(20);
  if ((flags & FLAG.stamped) === 0)
    throw new StampError('STAMP_MISSING', 'This is a bare stub: nothing was wrapped into it.');
  if (!digestOf(bytes)?.equals(bytes.subarray(DIGEST_OFFSET, STAMP_SIZE))) {
    throw new StampError(
      'STAMP_DAMAGED',
      'The stamp was altered: its bytes do not match its digest. Get the file again.',
    );
  }
  const strings = bytes.subarray(STRINGS_OFFSET, STRINGS_OFFSET + bytes.readUInt32LE(116));
  const read = stringReader(strings);
  return {
    manifestOffset: Number(bytes.readBigUInt64LE(24)),
    manifestLength: Number(bytes.readBigUInt64LE(32)),
    manifestDigest: bytes.toString('hex', 40, 72),
    payloadOffset: Number(bytes.readBigUInt64LE(72)),
    runtimeSize: Number(bytes.readBigUInt64LE(80)),
    runtimeDiskSize: Number(bytes.readBigUInt64LE(88)),
    releaseDiskSize: Number(bytes.readBigUInt64LE(96)),
    entrySize: Number(bytes.readBigUInt64LE(104)),
    keep: bytes.readUInt32LE(112),
    ignoreNodeOptions: (flags & FLAG.ignoreNodeOptions) !== 0,
    shell: (flags & FLAG.shell) !== 0,
    service: (flags & FLAG.service) !== 0,
    compileCache: (flags & FLAG.compileCache) !== 0,
    name: read.string(),
    version: read.string(),
    id: read.string(),
    target: read.string(),
    runtimeDirectory: read.string(),
    runtimeExecutable: read.string(),
    releaseDirectory: read.string(),
    entry: read.string(),
    guard: read.string(),
    ...maintenance(read.string(), flags),
    overrideVariable: read.string(),
    template: Array.from({ length: read.count() }, () => templateArgument(read.string())),
    stubDigest: read.string(),
  };
}

function maintenance(word: string, flags: number): { maintenance: string | null } {
  return { maintenance: (flags & FLAG.noMaintenanceWord) === 0 ? word : null };
}

function encodeStrings(stamp: Stamp): Buffer {
  const strings = [
    stamp.name,
    stamp.version,
    stamp.id,
    stamp.target,
    stamp.runtimeDirectory,
    stamp.runtimeExecutable,
    stamp.releaseDirectory,
    stamp.entry,
    stamp.guard,
    stamp.maintenance ?? '',
    stamp.overrideVariable,
  ];
  const template = stamp.template.map((argument) =>
    'literal' in argument ? `=${argument.literal}` : `/${argument.path}`,
  );
  return Buffer.concat([
    ...strings.map(encodeString),
    uint16(template.length),
    ...template.map(encodeString),
    encodeString(stamp.stubDigest),
  ]);
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text);
  // A longer one cannot fit the stamp anyway; cut only so that the caller's sentence is reached.
  return Buffer.concat([uint16(Math.min(bytes.length, 0xffff)), bytes]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function stringReader(bytes: Buffer) {
  let at = 0;
  const count = () => {
    const value = bytes.readUInt16LE(at);
    at += 2;
    return value;
  };
  const string = () => {
    const length = count();
    at += length;
    return bytes.toString('utf8', at - length, at);
  };
  return { count, string };
}

function templateArgument(text: string): TemplateArgument {
  return text.startsWith('/') ? { path: text.slice(1) } : { literal: text.slice(1) };
}

/** Of all up to the end of the strings; undefined where what stands behind is not zero. */
function digestOf(bytes: Buffer): Buffer | undefined {
  const end = STRINGS_OFFSET + bytes.readUInt32LE(116);
  if (end > DIGEST_OFFSET || bytes.subarray(end, DIGEST_OFFSET).some((byte) => byte !== 0)) return undefined;
  return createHash('sha256').update(bytes.subarray(0, end)).digest();
}
