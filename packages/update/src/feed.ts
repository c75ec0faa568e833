import { UpdateError } from './error.ts';

/** The name of a feed's file among those of a published version. */
export const FEED = 'latest.json';

/** What is published of one version. Whoever changes it changes docs/publishing.md, too. */
export interface Feed {
  readonly format: 1;
  /** The release's name. */
  readonly name: string;
  readonly version: string;
  /** What the version is called on GitHub. */
  readonly tag: string;
  /** When it was published, in ISO 8601. */
  readonly date?: string;
  /** Markdown. */
  readonly notes?: string;
  readonly executables: readonly PublishedExecutable[];
}

export interface PublishedExecutable {
  readonly program: string;
  readonly target: string;
  /** Its name among the published files. */
  readonly file: string;
  /** In bytes. */
  readonly size: number;
  /** 64 hex digits. */
  readonly sha256: string;
  /**
   * The executables that the file consists of: one, or several in a universal one. What of the file is to be had from another
   * version is told from these; without them it is fetched whole.
   */
  readonly parts?: readonly PublishedPart[];
}

/** Where the bytes of an executable's frames begin and where its manifest lies, in bytes of the file (docs/format.md). */
export interface PublishedPart {
  readonly payload: number;
  readonly manifest: { readonly offset: number; readonly length: number; readonly sha256: string };
}

/** `from` is named in errors. Throws UpdateError FEED_INVALID. */
export function parseFeed(text: string, from: string): Feed {
  const invalid = (what: string) =>
    new UpdateError('FEED_INVALID', `${from} is no feed of published versions: ${what}.`);
  let feed: Feed;
  try {
    feed = JSON.parse(text) as Feed;
  } catch {
    throw invalid('it is not JSON');
  }
  if (typeof feed !== 'object' || feed === null) throw invalid('it is no object');
  if (typeof feed.format === 'number' && feed.format > 1) {
    throw new UpdateError(
      'FEED_INVALID',
      `${from} has format ${feed.format}, which this version does not know. Get the latest one by hand, from where you have this one.`,
    );
  }
  if (feed.format !== 1) throw invalid('it has no "format": 1');
  for (const key of ['name', 'version', 'tag'] as const) {
    if (!isText(feed[key])) throw invalid(`it has no "${key}"`);
  }
  if (!isFileName(feed.version)) throw invalid(`${JSON.stringify(feed.version)} is no version`);
  if (!Array.isArray(feed.executables)) throw invalid('it has no "executables"');
  for (const executable of feed.executables) checkExecutable(executable, invalid);
  return feed;
}

function checkExecutable(executable: PublishedExecutable, invalid: (what: string) => Error): void {
  if (typeof executable !== 'object' || executable === null) throw invalid('an executable is no object');
  const { program, target, file, size, sha256, parts = [] } = executable;
  if (!isText(program) || !isText(target)) throw invalid('an executable has no "program" or no "target"');
  if (!isText(file) || !isFileName(file)) throw invalid(`${JSON.stringify(file)} is no name of a file`);
  if (!isCount(size) || !isDigest(sha256)) throw invalid(`${file} has no "size" or no "sha256"`);
  if (!Array.isArray(parts) || !parts.every((part) => isInside(part, size)))
    throw invalid(`"parts" of ${file} do not fit`);
}

function isInside(part: PublishedPart | undefined, size: number): boolean {
  const { payload, manifest } = part ?? {};
  return (
    isCount(payload) &&
    isCount(manifest?.offset) &&
    isCount(manifest.length) &&
    isDigest(manifest.sha256) &&
    payload <= manifest.offset &&
    manifest.offset + manifest.length <= size
  );
}

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
export const isDigest = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
/** No path. */
export const isFileName = (name: string) => /^\w[\w.+~-]*$/.test(name);

/** The channel that a version belongs to: `beta` for `1.3.0-beta.2`, `next` for `1.3.0-0`, else `latest`. */
export function channelOf(version: string): string {
  const found = /^\d+\.\d+\.\d+-([a-z]+(?:-[a-z]+)*)?/i.exec(version);
  return found === null ? 'latest' : (found[1]?.toLowerCase() ?? 'next');
}
