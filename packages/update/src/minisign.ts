import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { UpdateError } from './error.ts';

// The formats are those of minisign, https://jedisct1.github.io/minisign/

/** An Ed25519 key and what it is called by. */
export interface MinisignKey {
  /** 16 upper-case hex digits, as minisign prints it. */
  readonly id: string;
  readonly key: KeyObject;
}

/** A signature that holds for some bytes. */
export interface MinisignSignature {
  readonly keyId: string;
  /** What the signer said about the bytes; it is signed, too. */
  readonly trustedComment: string;
}

/** Reads a public key: the file, or its second line alone (`RW…`). Throws UpdateError KEY_INVALID. */
export function parsePublicKey(text: string): MinisignKey {
  const line = text
    .split(/\r?\n/)
    .map((one) => one.trim())
    .filter((one) => one !== '' && !one.startsWith('untrusted comment:'))[0];
  const bytes = Buffer.from(line ?? '', 'base64');
  if (bytes.length !== 42 || bytes.toString('latin1', 0, 2) !== 'Ed') {
    throw new UpdateError('KEY_INVALID', `${JSON.stringify(line ?? '')} is no public key of minisign (RW…).`);
  }
  return { id: keyId(bytes.subarray(2, 10)), key: ed25519(bytes.subarray(10)) };
}

/**
 * Whether one of `keys` has signed `bytes`; `file` is named in errors. Both kinds of signatures are taken, of the bytes
 * (`Ed`) and of their BLAKE2b-512 (`ED`). Throws UpdateError SIGNATURE_INVALID or SIGNATURE_OF_ANOTHER_KEY.
 */
export function verifySignature(
  bytes: Buffer,
  signature: string,
  keys: readonly MinisignKey[],
  file: string,
): MinisignSignature {
  const invalid = (what: string) =>
    new UpdateError('SIGNATURE_INVALID', `The signature of ${file} does not hold: ${what}.`);
  const lines = signature.split(/\r?\n/);
  const [untrusted = '', first = '', trusted = '', second = ''] = lines;
  if (!untrusted.startsWith('untrusted comment:') || !trusted.startsWith('trusted comment: ')) {
    throw invalid('it is no signature of minisign');
  }
  const head = Buffer.from(first, 'base64');
  const ofComment = Buffer.from(second, 'base64');
  const algorithm = head.toString('latin1', 0, 2);
  if (head.length !== 74 || ofComment.length !== 64 || (algorithm !== 'Ed' && algorithm !== 'ED')) {
    throw invalid('it is no signature of minisign');
  }
  const id = keyId(head.subarray(2, 10));
  const key = keys.find((one) => one.id === id);
  if (key === undefined) {
    const known = keys.map((one) => one.id).join(', ');
    throw new UpdateError(
      'SIGNATURE_OF_ANOTHER_KEY',
      `${file} is signed by the key ${id}, and this program trusts ${known} alone.`,
    );
  }
  const signed = algorithm === 'ED' ? createHash('blake2b512').update(bytes).digest() : bytes;
  const ofBytes = head.subarray(10);
  if (!verify(null, signed, key.key, ofBytes))
    throw invalid('the bytes are others than those that were signed');
  const trustedComment = trusted.slice('trusted comment: '.length);
  if (!verify(null, Buffer.concat([ofBytes, Buffer.from(trustedComment)]), key.key, ofComment)) {
    throw invalid('its comment was changed');
  }
  return { keyId: id, trustedComment };
}

/** minisign keeps the number in little-endian and prints it as one. */
function keyId(bytes: Buffer): string {
  return Buffer.from(bytes).reverse().toString('hex').toUpperCase();
}

/** Of its 32 bytes (RFC 8032): the fixed head is that of RFC 8410. */
function ed25519(raw: Buffer): KeyObject {
  const head = Buffer.from('302a300506032b6570032100', 'hex');
  return createPublicKey({ key: Buffer.concat([head, raw]), format: 'der', type: 'spki' });
}
