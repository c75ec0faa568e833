import { PublishError } from '../error.ts';
import type { StagedFile, StagedVersion } from '../staged-version.ts';
import { type Asset, deleteAsset, hasArrived, listAssets } from './assets.ts';
import { explained, type Repository } from './client.ts';
import { ATTEMPTS, isPassing, notice, pauseAfter, reasonOf, waitFor } from './patience.ts';
import type { Release } from './releases.ts';
import { upload } from './upload.ts';

/** Files on their way at once. */
const AT_ONCE = 4;

/**
 * Uploads what of a version is not there, until all of it is. What is left of an upload that did not end well (in an earlier
 * run, a moment ago, or by a lost answer) is seen by looking at what lies there, whichever of these it was. Throws PublishError.
 */
export async function deliver(
  repository: Repository,
  release: Release,
  version: StagedVersion,
): Promise<void> {
  const known = new Map<number, string>();
  const look = () => notArrived(repository, release, version.files, known);
  let missing = await look();
  tellKept(repository, version.files, missing);
  for (let fruitless = 0; missing.length > 0; ) {
    const reasons = await uploadAll(repository, release, version.folder, missing);
    const left = await look();
    fruitless = left.length < missing.length ? 0 : fruitless + 1;
    missing = left;
    if (fruitless === ATTEMPTS) throw notDelivered(repository, missing, reasons);
    if (missing.length === 0) return;
    for (const { file } of missing) repository.onEvent(notice(`${said(file, reasons)}. Uploading it again.`));
    await waitFor(repository, pauseAfter(Math.max(1, fruitless)));
  }
}

/** Why files did not arrive, by their names. */
type Reasons = ReadonlyMap<string, string>;

const said = ({ name }: StagedFile, reasons: Reasons) =>
  `${name}: ${reasons.get(name) ?? 'what arrived is not what was sent'}`;

/** A file that is not there as it should be, and what lies in its place. */
interface Missing {
  readonly file: StagedFile;
  readonly instead: Asset | undefined;
}

export async function notArrived(
  repository: Repository,
  release: Release,
  files: readonly StagedFile[],
  known = new Map<number, string>(),
): Promise<readonly Missing[]> {
  const assets = new Map((await listAssets(repository, release)).map((asset) => [asset.name, asset]));
  const missing: Missing[] = [];
  for (const file of files) {
    const instead = assets.get(file.name);
    if (instead && (await hasArrived(repository, instead, file, known))) continue;
    missing.push({ file, instead });
  }
  return missing;
}

/** What fails for a while is left for the next look; what fails for good ends the others. */
async function uploadAll(
  repository: Repository,
  release: Release,
  folder: string,
  missing: readonly Missing[],
): Promise<Reasons> {
  const reasons = new Map<string, string>();
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(repository.signal ? [repository.signal] : [])]);
  const waiting = [...missing];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal.throwIfAborted();
      const { file, instead } = next;
      if (instead !== undefined) await deleteAsset(repository, instead);
      try {
        const { name } = await upload({ ...repository, signal }, release, folder, file);
        if (name !== file.name) throw renamed(file, name);
        repository.onEvent({ type: 'uploaded', file: file.name });
      } catch (error) {
        signal.throwIfAborted();
        const cause = causeOf(error);
        if (cause instanceof PublishError) throw cause;
        if (!isPassing(error) && !isThere(error))
          throw explained(error, repository, `upload ${file.name}`, release);
        reasons.set(file.name, reasonOf(error));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => work().catch((error) => failed.abort(error))));
  signal.throwIfAborted();
  return reasons;
}

/** What reading the file threw comes back inside of what fetch() throws, inside of what octokit throws. */
function causeOf(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && !(cause instanceof PublishError) && cause.cause !== undefined)
    cause = cause.cause;
  return cause;
}

/** 422: a name that is taken, by the upload that did not end well or by somebody who uploads at the same time. */
function isThere(error: unknown): boolean {
  const { status, response } = error as { status?: number; response?: { data?: { errors?: unknown } } };
  const errors = response?.data?.errors;
  return (
    status === 422 &&
    Array.isArray(errors) &&
    errors.some((one: { code?: string }) => one.code === 'already_exists')
  );
}

function tellKept({ onEvent }: Repository, files: readonly StagedFile[], missing: readonly Missing[]): void {
  const names = new Set(missing.map(({ file }) => file.name));
  for (const { name } of files) if (!names.has(name)) onEvent({ type: 'kept', file: name });
}

function renamed({ name }: StagedFile, there: string): PublishError {
  return new PublishError(
    'UPLOAD_FAILED',
    `GitHub calls ${name} ${there}, and nobody would find it. Choose a name of letters, digits, -, _ and . for the release.`,
  );
}

function notDelivered({ place }: Repository, missing: readonly Missing[], reasons: Reasons): PublishError {
  const lines = missing.map(({ file }) => said(file, reasons));
  return new PublishError(
    'UPLOAD_FAILED',
    `Not everything arrived at ${place.url}/${place.repository}:\n  ${lines.join('\n  ')}\n` +
      'The release stays a draft, with what did arrive: run it again.',
  );
}
