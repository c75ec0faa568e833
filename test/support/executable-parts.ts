import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import {
  decodeStamp,
  encodeStamp,
  findStamp,
  STAMP_SIZE,
  type Stamp,
} from '../../packages/wrapper/src/stamp.ts';

/** As JSON, so that a test can say in it what the types forbid. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyManifest = any;

/** An executable taken apart, as docs/format.md describes it. */
export interface Parts {
  /** All but frames, manifest and what follows them. */
  readonly stub: Buffer;
  readonly stamp: Stamp;
  readonly stampOffset: number;
  readonly manifest: AnyManifest;
  readonly frames: readonly Buffer[];
}

/** A piece of the file that means something, or what lies between two of them. */
export interface Region {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

export function takeApart(file: Buffer): Parts {
  const stampOffset = findStamp(file);
  const stamp = decodeStamp(file.subarray(stampOffset, stampOffset + STAMP_SIZE));
  const { manifestOffset, manifestLength, payloadOffset } = stamp;
  const manifest = JSON.parse(file.toString('utf8', manifestOffset, manifestOffset + manifestLength));
  const frames = manifest.frames.map(({ offset, length }: { offset: number; length: number }) =>
    file.subarray(payloadOffset + offset, payloadOffset + offset + length),
  );
  return { stub: file.subarray(0, payloadOffset), stamp, stampOffset, manifest, frames };
}

/**
 * An executable of these parts, with every hash right: what somebody would make who wants the stub to do something else.
 * `manifest` may be a text. Frames keep the lengths and offsets that the manifest says; their hashes are computed.
 */
export function putTogether(
  { stub, stamp, stampOffset }: Parts,
  manifest: AnyManifest,
  frames: readonly Buffer[],
  changes: Partial<Stamp> = {},
): Buffer {
  const payload = Buffer.concat(frames);
  const text = Buffer.from(
    typeof manifest === 'string' ? manifest : JSON.stringify(hashed(manifest, payload)),
  );
  const stamped = encodeStamp({
    ...stamp,
    manifestOffset: stub.length + payload.length,
    manifestLength: text.length,
    manifestDigest: createHash('sha256').update(text).digest('hex'),
    ...changes,
  });
  const head = Buffer.from(stub);
  stamped.copy(head, stampOffset);
  return Buffer.concat([head, payload, text]);
}

function hashed(manifest: AnyManifest, payload: Buffer): AnyManifest {
  const frames = manifest.frames.map((frame: AnyManifest) => {
    const stored = payload.subarray(frame.offset, frame.offset + frame.length);
    return { ...frame, sha256: createHash('sha256').update(stored).digest('hex') };
  });
  return { ...manifest, frames };
}

/** One bit becomes another; done once more, it is what it was. */
export async function flip(file: string, position: number): Promise<void> {
  const handle = await open(file, 'r+');
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
  buffer[0]! ^= 1 << (position % 8);
  await handle.write(buffer, 0, 1, position);
  await handle.close();
}

/** Where each field of a stamp begins (docs/format.md, "Stamp"), but for the strings. */
const STAMP_FIELDS = {
  magic: 0,
  format: 16,
  flags: 20,
  'manifest offset': 24,
  'manifest length': 32,
  'manifest hash': 40,
  'payload offset': 72,
  'runtime size': 80,
  'runtime bytes': 88,
  'release bytes': 96,
  'entry size': 104,
  keep: 112,
  'length of the strings': 116,
};
const STRINGS = 120;
const STAMP_HASH = 4064;

/** The whole file of an ELF executable in regions, one behind the other. */
export function regionsOf(file: Buffer): readonly Region[] {
  const { stamp, stampOffset } = takeApart(file);
  const { frames } = takeApart(file).manifest;
  const headers = Number(file.readBigUInt64LE(32));
  const headersEnd = headers + file.readUInt16LE(54) * file.readUInt16LE(56);
  const begins: [string, number][] = [
    ['ELF header', 0],
    ['program headers', headers],
    ['code and data of the stub', headersEnd],
    ...Object.entries(STAMP_FIELDS).map(([name, at]): [string, number] => [
      `stamp, ${name}`,
      stampOffset + at,
    ]),
    ...stringsOf(file, stampOffset).map(([name, at]): [string, number] => [
      `stamp, ${name}`,
      stampOffset + at,
    ]),
    ['stamp, hash', stampOffset + STAMP_HASH],
    ['stub behind the stamp', stampOffset + STAMP_SIZE],
    ...frames.map(({ offset }: AnyManifest, index: number) => [
      `frame ${index}`,
      stamp.payloadOffset + offset,
    ]),
    ['manifest', stamp.manifestOffset],
    ['behind the manifest', stamp.manifestOffset + stamp.manifestLength],
    ['end', file.length],
  ];
  return begins.slice(0, -1).flatMap(([name, begin], index) => {
    const end = begins[index + 1]![1];
    return end > begin ? [{ name, begin, end }] : [];
  });
}

/** Each string, with its length before it, and what is empty behind them. */
function stringsOf(file: Buffer, stampOffset: number): [string, number][] {
  const end = STRINGS + file.readUInt32LE(stampOffset + STAMP_FIELDS['length of the strings']);
  const names = [
    'name',
    'version',
    'id',
    'target',
    'runtime directory',
    'runtime executable',
    'release directory',
  ];
  names.push('entry', 'guard', 'maintenance word', 'override variable');
  const found: [string, number][] = [];
  let at = STRINGS;
  for (const name of names) {
    found.push([name, at]);
    at += 2 + file.readUInt16LE(stampOffset + at);
  }
  return [...found, ['template and digest', at], ['room that is left', end]];
}
