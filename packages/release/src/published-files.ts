import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { FEED, type Feed, parseFeed } from '@sarma/update';

/** What `sarma publish --to` puts beside the feed that leads to the newest version. */
const INSTALLERS = ['install.sh', 'install.ps1'];

/**
 * Tells whether a file is of a published version, or leads to one: `sarma publish` may have been told to write into a folder of
 * the project (docs/publishing.md). What else lies in such a folder is not.
 */
export function publishedFiles(): (file: string) => boolean {
  const known = new Map<string, Feed | undefined>();
  const feedAt = (file: string): Feed | undefined => {
    if (!known.has(file)) known.set(file, readFeed(file));
    return known.get(file);
  };
  return (file) => {
    const [folder, name] = [path.dirname(file), path.basename(file)];
    const feed = feedAt(path.join(folder, FEED));
    if (feed !== undefined && isFolderOf(feed, path.basename(folder))) return true;
    if (feed !== undefined && INSTALLERS.includes(name)) return true;
    return isFeedName(name) && feedAt(file) !== undefined;
  };
}

/** Whether all that is in a folder was published as one version: `www/1.2.0`, `publish/hello-1.2.0`. */
export function isFolderOf({ name, version }: Feed, folder: string): boolean {
  return folder === version || folder === `${name}-${version}`;
}

/** That of a channel. */
function isFeedName(name: string): boolean {
  return /^[a-z][a-z-]*\.json$/.test(name) && name !== 'package.json';
}

/** Undefined for what is none. */
export function readFeed(file: string): Feed | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const text = readFileSync(file, 'utf8');
    return /^\{\s*"format": 1,\s*"name":/.test(text) ? parseFeed(text, file) : undefined;
  } catch {
    return undefined;
  }
}
