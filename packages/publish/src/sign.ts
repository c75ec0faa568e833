import { createHash, sign } from 'node:crypto';
import type { SigningKey } from './secret-key.ts';

/**
 * A signature of `bytes`, as minisign writes it: over their BLAKE2b-512, and a second one over that and the comment, which
 * must be a line. The same bytes and comment give the same signature.
 */
export function signatureOf(bytes: Buffer, trustedComment: string, { number, key }: SigningKey): string {
  const signature = sign(null, createHash('blake2b512').update(bytes).digest(), key);
  const ofComment = sign(null, Buffer.concat([signature, Buffer.from(trustedComment)]), key);
  const head = Buffer.concat([Buffer.from('ED'), number, signature]);
  return [
    'untrusted comment: signature of SHA256SUMS',
    head.toString('base64'),
    `trusted comment: ${trustedComment}`,
    ofComment.toString('base64'),
    '',
  ].join('\n');
}
