import { createHash } from 'node:crypto';

/** What of an executable differs from version to version. */
export interface Made {
  readonly version: string;
  readonly target?: string;
  /** Frames, in this order. */
  readonly frames: readonly Buffer[];
  /** In place of the one that tells of all this. */
  readonly manifest?: object;
  /** What it does as a program of the shell. Default: says its version. */
  readonly script?: string;
}

/**
 * A file as docs/format.md has it, whose stub is a shell script: it can be started, and is as small as a test likes. It is asked
 * for its first run by SARMA_MAINTENANCE=install, as any other.
 */
export function makeExecutable({
  version,
  target = 'linux-x64',
  frames,
  script,
  manifest: given,
}: Made): Buffer {
  const lines = [
    '#!/bin/sh',
    `# ${version}`,
    script ?? `[ "$SARMA_MAINTENANCE" = install ] || echo ${version}`,
    'exit',
    '',
  ];
  const head = Buffer.from(lines.join('\n'));
  const stamp = Buffer.alloc(4096);
  const payload = head.length + stamp.length;
  let offset = 0;
  const listed = frames.map((frame) => {
    const place = { offset, length: frame.length, sha256: digest(frame) };
    offset += frame.length;
    return place;
  });
  const contents = given ?? { format: 1, name: 'hello', version, target, frames: listed };
  const manifest = Buffer.from(JSON.stringify(contents));
  stamp.write('\x89SARMA-STAMP\r\n\x1a\n', 'latin1');
  stamp.writeUInt32LE(1, 16);
  stamp.writeBigUInt64LE(BigInt(payload + offset), 24);
  stamp.writeBigUInt64LE(BigInt(manifest.length), 32);
  stamp.write(digest(manifest), 40, 'hex');
  stamp.writeBigUInt64LE(BigInt(payload), 72);
  return Buffer.concat([head, stamp, ...frames, manifest]);
}

/** Bytes that look like no others, the same for the same seed. */
export function noise(seed: string, length: number): Buffer {
  const pieces: Buffer[] = [];
  for (let count = 0; count * 64 < length; count += 1)
    pieces.push(createHash('sha512').update(`${seed} ${count}`).digest());
  return Buffer.concat(pieces).subarray(0, length);
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
