import { isDeepStrictEqual } from 'node:util';
import { parsePublicKey, SETTINGS, type UpdateTrust } from '@sarma/update';
import { readReleaseFile } from '@sarma/wrapper';
import { PublishError } from './error.ts';
import { keyId, type SigningKey } from './secret-key.ts';

/**
 * Refuses an executable that takes later versions from elsewhere, or by other keys, than the configuration says (undefined: none at
 * all): its users would wait for updates that never come. `again` says how it is made anew. Throws PublishError OTHER_UPDATES.
 */
export async function requireSameUpdates(
  file: string,
  version: string,
  trust: UpdateTrust | undefined,
  again: string,
): Promise<void> {
  for (const made of await trustOf(file, version)) {
    const difference = differenceOf(made, trust);
    if (difference === undefined) continue;
    throw new PublishError('OTHER_UPDATES', `${file} ${difference}. ${again}`);
  }
}

/** Where an executable of a version takes later ones from, and by whose keys; of a universal one for each slice. Undefined: it does not. */
export async function trustOf(file: string, version: string): Promise<readonly (UpdateTrust | undefined)[]> {
  const texts = await readReleaseFile(file, `releases/${version}/${SETTINGS}`);
  return texts.map((text) => text && (JSON.parse(text.toString()) as UpdateTrust));
}

function differenceOf(made: UpdateTrust | undefined, wanted: UpdateTrust | undefined): string | undefined {
  if (made === undefined && wanted === undefined) return undefined;
  if (made === undefined)
    return 'was made without `update`, which the configuration has now: it would never take a later version';
  if (wanted === undefined)
    return `was made with \`update\`, which the configuration has no more: it takes what ${keysOf(made)} signs`;
  const keys = { feed: 'publish', publicKeys: 'update.publicKey', channel: 'update.channel' } as const;
  const other = (['feed', 'publicKeys', 'channel'] as const).filter(
    (key) => !isDeepStrictEqual(made[key], wanted[key]),
  );
  if (other.length === 0) return undefined;
  const names = other.map((key) => keys[key]).join(' and ');
  return `was made with another ${names} than the configuration has now, and would look for later versions as it said then`;
}

/** Their numbers, as a person finds them in `release.pub`. */
export function keysOf({ publicKeys }: Pick<UpdateTrust, 'publicKeys'>): string {
  return publicKeys.map((line) => parsePublicKey(line).id).join(', ');
}

/**
 * Refuses what no executable would take as an update: `publicKeys` are the lines of those that they trust, [] where they do
 * not update themselves. Throws PublishError NO_KEY and OTHER_KEY.
 */
export function requireTrusted(key: SigningKey | undefined, publicKeys: readonly string[]): void {
  if (publicKeys.length === 0) return;
  const trusted = keysOf({ publicKeys });
  if (key === undefined) {
    throw new PublishError(
      'NO_KEY',
      `update.publicKey is ${trusted}: executables take what it has signed, and there is no key to sign with. ` +
        'Set SARMA_SIGNING_KEY to the secret key, as its text or its path.',
    );
  }
  if (publicKeys.includes(key.publicKey)) return;
  throw new PublishError(
    'OTHER_KEY',
    `SARMA_SIGNING_KEY is the key ${keyId(key)}, and update.publicKey is ${trusted}: no executable would take this version. ` +
      'Sign with the other key, or add this one to update.publicKey and publish once more with the old one.',
  );
}
