import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { PublishError } from './error.ts';

/** How much work and memory (bytes) it costs to try a password, as libsodium counts them. */
export interface Limits {
  readonly operations: bigint;
  readonly memory: bigint;
}

/** What minisign itself takes; a key that says more is none that it has made. */
const MOST: Limits = { operations: 33_554_432n, memory: 1_073_741_824n };
/** In bytes: what of a secret key is encrypted. */
const LENGTH = 104;
const BLOCKS = 8;

const derive = promisify<string, Buffer, number, Parameters<typeof scrypt>[3], Buffer>(scrypt);

/** What a secret key is XORed with. Throws PublishError KEY_INVALID, `from` being what is wrong. */
export async function keyStream(
  password: string,
  salt: Buffer,
  limits: Limits,
  from: string,
): Promise<Buffer> {
  if (limits.operations > MOST.operations || limits.memory > MOST.memory) {
    throw new PublishError(
      'KEY_INVALID',
      `${from} is damaged: it asks for more work than minisign lets a password cost. Take a copy of it.`,
    );
  }
  const { cost, parallelization } = scryptParameters(limits);
  const memory = 128 * BLOCKS * (cost + parallelization);
  return await derive(password, salt, LENGTH, {
    cost,
    blockSize: BLOCKS,
    parallelization,
    maxmem: 2 * memory,
  });
}

/** As libsodium's crypto_pwhash_scryptsalsa208sha256 makes them of its limits. */
function scryptParameters({ operations, memory }: Limits) {
  const work = operations < 32_768n ? 32_768n : operations;
  const isBoundByWork = work < memory / 32n;
  const most = isBoundByWork ? work / BigInt(BLOCKS * 4) : memory / BigInt(BLOCKS * 128);
  let cost = 2n;
  while (cost <= most / 2n) cost *= 2n;
  const rest = work / 4n / cost / BigInt(BLOCKS);
  return { cost: Number(cost), parallelization: isBoundByWork ? 1 : Number(rest) };
}
