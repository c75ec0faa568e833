import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CHECKSUMS,
  FEED,
  parseChecksums,
  parseFeed,
  parsePublicKey,
  SIGNATURE,
  UpdateError,
  type UpdateTrust,
  verifySignature,
} from '@sarma/update';
import { PublishError } from './error.ts';
import { hashFile } from './hash-file.ts';
import { byName, type StagedFile, type StagedVersion } from './staged-version.ts';
import { keysOf, requireSameUpdates } from './trust.ts';
import { putFolder } from './version-folder.ts';

/** What a staged folder has to be. */
export interface Expected {
  readonly name: string;
  readonly version: string;
  /** What the version is called in Git; undefined: as it was when it was staged. */
  readonly tag: string | undefined;
  /** How its executables update themselves; undefined: they do not. */
  readonly trust: UpdateTrust | undefined;
}

/**
 * A version that `stage` has written, here or on another machine: every file is held to `SHA256SUMS`, and that to the keys.
 * Throws PublishError NOT_A_STAGED_VERSION, OTHER_RELEASE, TAG_MISMATCH, OTHER_UPDATES, NO_KEY and
 * OTHER_KEY.
 */
export async function readStaged(folder: string, expected: Expected): Promise<StagedVersion> {
  const checksums = await readFile(path.join(folder, CHECKSUMS)).catch((cause: Error) => {
    const what = existsSync(folder) ? `it has no ${CHECKSUMS} that can be read` : 'it is not there';
    throw notStaged(folder, what, cause);
  });
  const sums = parseChecksums(checksums.toString());
  const files: StagedFile[] = [];
  for (const [name, sha256] of sums) {
    const file = await hashFile(path.join(folder, name)).catch((cause: Error) => {
      throw notStaged(folder, `${name} cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
    });
    if (file.sha256 !== sha256) throw notStaged(folder, `${name} is not what ${CHECKSUMS} says`);
    files.push(file);
  }
  const feed = await readFeed(folder);
  const { name, version, tag } = expected;
  if (feed.name !== name || feed.version !== version) {
    throw new PublishError(
      'OTHER_RELEASE',
      `${folder} holds ${feed.name} ${feed.version}, and ${name} ${version} is to be published.`,
    );
  }
  if (tag !== undefined && feed.tag !== tag) {
    throw new PublishError(
      'TAG_MISMATCH',
      `${folder} was staged for the tag ${feed.tag}, which its files name, and publish.tag makes it ${tag} now. ` +
        'Publish without --from, or set publish.tag as it was.',
    );
  }
  for (const { file, target } of feed.executables) {
    const again = `Make it again (wrap -t ${target}) and publish without --from.`;
    await requireSameUpdates(path.join(folder, file), version, expected.trust, again);
  }
  const last = [await hashFile(path.join(folder, CHECKSUMS))];
  if (await isSigned(folder, checksums, expected)) last.push(await hashFile(path.join(folder, SIGNATURE)));
  return { folder, feed, files: [...files, ...last].sort(byName) };
}

function notStaged(folder: string, what: string, cause?: Error): PublishError {
  return new PublishError(
    'NOT_A_STAGED_VERSION',
    `${folder} is no folder that \`sarma publish\` has written: ${what}. Get it anew.`,
    { cause },
  );
}

async function readFeed(folder: string) {
  try {
    return parseFeed(await readFile(path.join(folder, FEED), 'utf8'), path.join(folder, FEED));
  } catch (cause) {
    throw notStaged(folder, (cause as Error).message.replace(/\.$/, ''), cause as Error);
  }
}

async function isSigned(folder: string, checksums: Buffer, expected: Expected): Promise<boolean> {
  const { name, version, trust: { publicKeys } = { publicKeys: [] } } = expected;
  const file = path.join(folder, SIGNATURE);
  const isThere = existsSync(file);
  if (publicKeys.length === 0) return isThere;
  if (!isThere) {
    throw new PublishError(
      'NO_KEY',
      `${file} is missing: executables would not take an update to ${version}. Stage it with SARMA_SIGNING_KEY set.`,
    );
  }
  try {
    const keys = publicKeys.map(parsePublicKey);
    const { trustedComment } = verifySignature(checksums, await readFile(file, 'utf8'), keys, CHECKSUMS);
    if (trustedComment === `${name} ${version}`) return true;
    throw notStaged(folder, `${SIGNATURE} was made for "${trustedComment}"`);
  } catch (cause) {
    if (cause instanceof UpdateError && cause.code === 'SIGNATURE_OF_ANOTHER_KEY') {
      throw new PublishError(
        'OTHER_KEY',
        `${file} is by another key than update.publicKey (${keysOf({ publicKeys })}): no executable would take ${version}. ` +
          'Stage it with that key in SARMA_SIGNING_KEY.',
        { cause },
      );
    }
    throw cause instanceof UpdateError ? notStaged(folder, cause.message.replace(/\.$/, ''), cause) : cause;
  }
}

/** The same version in another folder. Throws PublishError PUBLISHED_OTHERWISE and NOT_WRITABLE. */
export async function copyStaged(
  staged: StagedVersion,
  folder: string,
  options: { readonly replace: boolean; readonly dryRun: boolean },
): Promise<StagedVersion> {
  await putFolder(folder, options, async (fresh) => {
    for (const { name } of staged.files)
      await copyFile(path.join(staged.folder, name), path.join(fresh, name));
  });
  return { ...staged, folder };
}
