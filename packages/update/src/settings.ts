import { readFileSync } from 'node:fs';
import path from 'node:path';
import { UpdateError } from './error.ts';

/** Beside the updater in a release, written when the release is assembled. */
export const SETTINGS = 'update.json';

/** Whom an executable believes: where it looks for later versions, and who has to have signed them. */
export interface UpdateTrust {
  readonly feed: FeedPlace;
  /** Minisign's `RW…`; a version signed by one of them is taken. */
  readonly publicKeys: readonly string[];
  readonly channel: string;
}

/** What an executable knows of its later versions. */
export interface UpdateSettings extends UpdateTrust {
  /** The release's name and version. */
  readonly name: string;
  readonly version: string;
  readonly kind: 'cli' | 'service';
  /** The programs of the release → their entries, which tell an executable which one it is. */
  readonly programs: Readonly<Record<string, string>>;
}

/** Where versions are published. */
export type FeedPlace = { readonly github: GitHubPlace } | { readonly folder: FolderPlace };

export interface GitHubPlace {
  /** `https://github.com`, or the address of an Enterprise server. */
  readonly url: string;
  /** `https://api.github.com`; of an Enterprise server `<url>/api/v3`. */
  readonly api: string;
  /** `owner/name`. */
  readonly repository: string;
  /** Of a version, with `{version}`. */
  readonly tag: string;
}

export interface FolderPlace {
  /** Ends in a slash. */
  readonly url: string;
}

/** Throws UpdateError NO_UPDATES where there are none. */
export function readSettings(folder: string): UpdateSettings {
  try {
    return JSON.parse(readFileSync(path.join(folder, SETTINGS), 'utf8')) as UpdateSettings;
  } catch (cause) {
    throw new UpdateError('NO_UPDATES', `${path.join(folder, SETTINGS)} cannot be read.`, { cause });
  }
}
