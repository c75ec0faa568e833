import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { blake2b } from 'hash-wasm';
import { PublishError } from './error.ts';
import { keyStream, type Limits } from './key-stream.ts';

// The formats are those of minisign, https://jedisct1.github.io/minisign/: two bytes each say what signs (Ed25519), what
// makes a key of the password (scrypt, or two zeros where there is none) and what the checksum is (BLAKE2b); salt and
// limits of scrypt; then, encrypted where there is a password, the key's number, its seed, its public key, the checksum.

/** A key that signs. */
export interface SigningKey {
  /** Eight bytes that tell which key it is. */
  readonly number: Buffer;
  readonly key: KeyObject;
  /** The line of the public key, `RW…`. */
  readonly publicKey: string;
}

const SALT = { from: 6, to: 38 };
const ENCRYPTED = { from: 54, to: 158 };
const NUMBER = 8;
const SEED = 32;
const CHECKSUM = 32;
/** Those of minisign are 1 GiB and seconds: more than a machine that builds may have to spare. In bytes, and steps. */
const LIMITS: Limits = { operations: 4_194_304n, memory: 134_217_728n };

/**
 * Reads a secret key: the file's text, or its second line alone. `from` names where it was given; nothing of it is in
 * errors. Throws PublishError KEY_INVALID and KEY_PASSWORD.
 */
export async function parseSecretKey(
  text: string,
  password: string | undefined,
  from: string,
): Promise<SigningKey> {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const bytes = Buffer.from(
    lines.find((line) => line !== '' && !line.startsWith('untrusted comment:')) ?? '',
    'base64',
  );
  const kind = bytes.toString('latin1', 0, 6);
  if (bytes.length !== ENCRYPTED.to || !/^Ed(Sc|\0\0)B2$/.test(kind)) {
    throw new PublishError(
      'KEY_INVALID',
      `${from} is no secret key of minisign. \`sarma keygen\` makes one, and so does \`minisign -G\`.`,
    );
  }
  const isEncrypted = kind.startsWith('EdSc');
  if (isEncrypted && password === undefined) {
    throw new PublishError(
      'KEY_PASSWORD',
      `${from} is encrypted: set SARMA_SIGNING_KEY_PASSWORD to its password.`,
    );
  }
  const stored = bytes.subarray(ENCRYPTED.from);
  const plain = isEncrypted ? await decrypted(bytes, password!, from) : stored;
  const number = plain.subarray(0, NUMBER);
  const seed = plain.subarray(NUMBER, NUMBER + SEED);
  const key = signingKey(number, seed);
  const isWhole = rawPublicKey(key.key).equals(plain.subarray(NUMBER + SEED, -CHECKSUM));
  if (isWhole && (await fitsChecksum(plain, isEncrypted))) return key;
  throw isEncrypted
    ? new PublishError(
        'KEY_PASSWORD',
        `SARMA_SIGNING_KEY_PASSWORD does not open ${from}: it is not its password, or the key is damaged.`,
      )
    : new PublishError(
        'KEY_INVALID',
        `${from} is damaged: its parts do not fit together. Take a copy of it.`,
      );
}

/** minisign leaves zeros in the checksum's place where nothing is encrypted. */
async function fitsChecksum(plain: Buffer, isEncrypted: boolean): Promise<boolean> {
  const checksum = plain.subarray(-CHECKSUM);
  if (!isEncrypted && checksum.every((byte) => byte === 0)) return true;
  return checksum.equals(await checksumOf(plain.subarray(0, -CHECKSUM)));
}

async function decrypted(bytes: Buffer, password: string, from: string): Promise<Buffer> {
  const limits = { operations: bytes.readBigUInt64LE(SALT.to), memory: bytes.readBigUInt64LE(SALT.to + 8) };
  const stored = bytes.subarray(ENCRYPTED.from);
  return xor(stored, await keyStream(password, bytes.subarray(SALT.from, SALT.to), limits, from));
}

/** A new pair: the texts of both files. */
export async function generateKey(password: string | undefined): Promise<{
  readonly secretKey: string;
  readonly publicKey: string;
}> {
  const [number, seed, salt] = [randomBytes(NUMBER), randomBytes(SEED), randomBytes(SALT.to - SALT.from)];
  const key = signingKey(number, seed);
  const plain = Buffer.concat([number, seed, rawPublicKey(key.key)]);
  const whole = Buffer.concat([plain, await checksumOf(plain)]);
  const isEncrypted = password !== undefined;
  const limits = Buffer.alloc(16);
  if (isEncrypted) {
    limits.writeBigUInt64LE(LIMITS.operations);
    limits.writeBigUInt64LE(LIMITS.memory, 8);
  }
  const bytes = Buffer.concat([
    Buffer.from(isEncrypted ? 'EdScB2' : 'Ed\0\0B2', 'latin1'),
    isEncrypted ? salt : Buffer.alloc(salt.length),
    limits,
    isEncrypted ? xor(whole, await keyStream(password, salt, LIMITS, 'The key')) : whole,
  ]);
  const about = isEncrypted ? 'minisign encrypted secret key' : 'minisign secret key, not encrypted';
  return {
    secretKey: `untrusted comment: ${about}\n${bytes.toString('base64')}\n`,
    publicKey: `untrusted comment: minisign public key ${keyId(key)}\n${key.publicKey}\n`,
  };
}

/** 16 upper-case hex digits, as minisign prints it: it keeps the number in little-endian. */
export function keyId({ number }: SigningKey): string {
  return Buffer.from(number).reverse().toString('hex').toUpperCase();
}

/** Of its 32 bytes (RFC 8032): the fixed head is that of RFC 8410. */
function signingKey(number: Buffer, seed: Buffer): SigningKey {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = createPrivateKey({ key: Buffer.concat([head, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = Buffer.concat([Buffer.from('Ed'), number, rawPublicKey(key)]).toString('base64');
  return { number: Buffer.from(number), key, publicKey };
}

function rawPublicKey(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
}

/** BLAKE2b with 32 bytes: Node's crypto has the one with 64 alone, which begins otherwise. */
async function checksumOf(plain: Buffer): Promise<Buffer> {
  return Buffer.from(await blake2b(Buffer.concat([Buffer.from('Ed'), plain]), 256), 'hex');
}

function xor(bytes: Buffer, stream: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, index) => byte ^ stream[index]!));
}
