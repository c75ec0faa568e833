import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parsePublicKey, verifySignature } from '@sarma/update';
import { expect, test } from 'vitest';
import { newSigningKey, signatureOf } from '../../../test/support/publishing.ts';
import { lacks } from '../../../test/support/requirements.ts';
import { temporaryDirectory } from '../../../test/support/run.ts';

const BYTES = Buffer.from('what was signed\n');
const key = newSigningKey();
const signature = signatureOf(BYTES, key, 'hello 1.0.0');

const verify = (bytes: Buffer, text: string, ...keys: readonly string[]) =>
  verifySignature(bytes, text, keys.map(parsePublicKey), 'SHA256SUMS');

test.skipIf(lacks('minisign')).each([
  { kind: 'prehashed', flags: [] },
  { kind: 'legacy', flags: ['-l'] },
])('a $kind signature that minisign made holds, and tells what it was made for', async ({ flags }) => {
  const folder = await temporaryDirectory();
  const [publicKey, secretKey, file] = ['p', 's', 'f'].map((name) => path.join(folder, name));
  execFileSync('minisign', ['-G', '-W', '-p', publicKey!, '-s', secretKey!]);
  await writeFile(file!, BYTES);
  execFileSync('minisign', ['-S', ...flags, '-s', secretKey!, '-m', file!, '-t', 'hello 1.0.0']);
  const [keyFile, made] = [await readFile(publicKey!, 'utf8'), await readFile(`${file}.minisig`, 'utf8')];
  expect(verify(BYTES, made, keyFile)).toEqual({
    keyId: parsePublicKey(keyFile).id,
    trustedComment: 'hello 1.0.0',
  });
  expect(keyFile).toContain(parsePublicKey(keyFile).id);
  expect(() => verify(Buffer.from('other'), made, keyFile)).toThrow('SHA256SUMS does not hold');
});

test('after a change of the key, versions signed by the old and by the new one are taken', () => {
  const [old, other] = [newSigningKey(), newSigningKey()];
  expect(verify(BYTES, signature, old.publicKey, key.publicKey).trustedComment).toBe('hello 1.0.0');
  expect(() => verify(BYTES, signature, old.publicKey, other.publicKey)).toThrow(
    expect.objectContaining({ code: 'SIGNATURE_OF_ANOTHER_KEY' }),
  );
});

test('a key that is called like a trusted one and is another signs nothing', () => {
  const disguised = { ...newSigningKey(), id: key.id };
  expect(() => verify(BYTES, signatureOf(BYTES, disguised, 'hello 1.0.0'), key.publicKey)).toThrow(
    expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
  );
});

const [untrusted, first, trusted, second] = signature.split('\n');
test.each([
  ['bytes', BYTES.subarray(1), signature],
  ['comment', BYTES, signature.replace('1.0.0', '1.0.1')],
  ['kind of signature', BYTES, [untrusted, first!.replace(/^RU/, 'RW'), trusted, second].join('\n')],
  ['signature of the comment', BYTES, [untrusted, first, trusted, first].join('\n')],
  ['file: cut off', BYTES, signature.slice(0, -40)],
  ['file: a page of a hotel', BYTES, '<html>\n<body>\nWelcome\n</body>\n</html>'],
  ['file: empty', BYTES, ''],
])('a changed %s is no signature', (_, bytes, text) => {
  expect(() => verify(bytes, text, key.publicKey)).toThrow(
    expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
  );
});

test.each(['', 'RW', 'untrusted comment: nothing else', key.publicKey.slice(1), '../release.pub'])(
  '%j is no public key',
  (text) => {
    expect(() => parsePublicKey(text)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
  },
);
