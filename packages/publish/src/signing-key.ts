import { readFile } from 'node:fs/promises';
import { PublishError } from './error.ts';
import { parseSecretKey, type SigningKey } from './secret-key.ts';

const VARIABLE = 'SARMA_SIGNING_KEY';

/**
 * The key of `SARMA_SIGNING_KEY`, which is the text of a minisign secret key or the path of a file with it; undefined where
 * it is not set. What the variable says is never in an error: it may be the key. Throws PublishError KEY_INVALID and
 * KEY_PASSWORD.
 */
export async function readSigningKey(env: NodeJS.ProcessEnv): Promise<SigningKey | undefined> {
  const given = env[VARIABLE]?.trim();
  if (given === undefined || given === '') return undefined;
  const isText = given.includes('\n') || /^[\w+/=]{200,}$/.test(given);
  const text = isText ? given : await textOf(given);
  return await parseSecretKey(text, env.SARMA_SIGNING_KEY_PASSWORD || undefined, VARIABLE);
}

async function textOf(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new PublishError(
      'KEY_INVALID',
      `${VARIABLE} is neither the text of a secret key nor the path of a file that can be read (${code}).`,
    );
  });
}
