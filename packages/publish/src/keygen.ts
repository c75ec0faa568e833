import { existsSync } from 'node:fs';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { notWritable, PublishError } from './error.ts';
import { generateKey } from './secret-key.ts';

/** The files of a new pair of keys: absolute. */
export interface KeyPair {
  readonly secretKey: string;
  readonly publicKey: string;
  /** What keeps the secret key out of a repository, where it did not yet. */
  readonly ignored: string | undefined;
}

/**
 * Makes a pair of keys: `release.key`, which only its owner can read, and `release.pub`. With a password the secret one is
 * encrypted. Nothing is ever replaced. Throws PublishError KEY_INVALID, KEY_EXISTS and NOT_WRITABLE.
 */
export async function writeKeyPair(given: string, password: string | undefined): Promise<KeyPair> {
  // By that name it is left out of every release and archive.
  if (!given.endsWith('.key'))
    throw new PublishError('KEY_INVALID', `${given} has to end in .key: sarma keygen ${given}.key`);
  const secretKey = path.resolve(given);
  const publicKey = `${secretKey.replace(/\.key$/, '')}.pub`;
  const there = [secretKey, publicKey].find((file) => existsSync(file));
  if (there !== undefined) throw keyExists(there);
  const pair = await generateKey(password);
  try {
    await writeFile(secretKey, pair.secretKey, { flag: 'wx', mode: 0o600 });
    await writeFile(publicKey, pair.publicKey, { flag: 'wx' });
    return { secretKey, publicKey, ignored: await ignore(secretKey) };
  } catch (cause) {
    const { code, path: file } = cause as NodeJS.ErrnoException;
    throw code === 'EEXIST' ? keyExists(file!) : notWritable(secretKey, cause);
  }
}

function keyExists(file: string): PublishError {
  return new PublishError(
    'KEY_EXISTS',
    `${file} is there already, and a key is never replaced. Name another file: sarma keygen FILE`,
  );
}

/** Returns the file that it was added to. */
async function ignore(secretKey: string): Promise<string | undefined> {
  const file = path.join(path.dirname(secretKey), '.gitignore');
  const text = existsSync(file) ? await readFile(file, 'utf8') : '';
  const line = `/${path.basename(secretKey)}`;
  const lines = text.split(/\r?\n/).map((one) => one.trim());
  if (lines.includes(line) || lines.includes(line.slice(1)) || lines.includes('*.key')) return undefined;
  await appendFile(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
  return file;
}
