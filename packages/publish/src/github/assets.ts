import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { RequestError } from '@octokit/request-error';
import type { Endpoints } from '@octokit/types';
import type { StagedFile } from '../staged-version.ts';
import { explained, type Repository } from './client.ts';
import { patiently } from './patience.ts';
import { allPages, type Release } from './releases.ts';

/** https://docs.github.com/en/rest/releases/assets */
export type Asset =
  Endpoints['GET /repos/{owner}/{repo}/releases/{release_id}/assets']['response']['data'][number];

/** Those of a release, half-uploaded ones included. Throws PublishError. */
export async function listAssets(repository: Repository, release: Release): Promise<readonly Asset[]> {
  const { path, request } = repository;
  try {
    return await allPages(async (page) => {
      const query = { ...path, release_id: release.id, per_page: 100, page };
      return (await request('GET /repos/{owner}/{repo}/releases/{release_id}/assets', query)).data;
    });
  } catch (error) {
    throw explained(error, repository, 'list the files', release);
  }
}

/** Throws PublishError. */
export async function deleteAsset(repository: Repository, { id, name }: Asset): Promise<void> {
  try {
    const which = { ...repository.path, asset_id: id };
    await repository.request('DELETE /repos/{owner}/{repo}/releases/assets/{asset_id}', which);
  } catch (error) {
    // Done before, and the answer was lost.
    if ((error as { status?: number }).status !== 404) throw explained(error, repository, `delete ${name}`);
  }
}

/**
 * Whether all of a file arrived. `known` has the hashes of assets that were downloaded for it, since the server does not
 * say them. Throws PublishError.
 */
export async function hasArrived(
  repository: Repository,
  asset: Asset,
  file: StagedFile,
  known: Map<number, string>,
): Promise<boolean> {
  if (asset.state !== 'uploaded' || asset.size !== file.size) return false;
  if (asset.digest) return asset.digest === `sha256:${file.sha256}`;
  const sha256 = known.get(asset.id) ?? (await downloadedHash(repository, asset));
  known.set(asset.id, sha256);
  return sha256 === file.sha256;
}

async function downloadedHash(repository: Repository, asset: Asset): Promise<string> {
  return await readBack(repository, asset, async (parts) => {
    const hash = createHash('sha256');
    for await (const part of parts) hash.update(part);
    return hash.digest('hex');
  });
}

/** A small one, as text. Throws PublishError. */
export async function readAsset(repository: Repository, asset: Asset): Promise<string> {
  return await readBack(repository, asset, async (parts) => await text(parts));
}

/** Reads it anew where the connection ends in the middle. */
async function readBack<Result>(
  repository: Repository,
  { id, name }: Asset,
  read: (parts: AsyncIterable<Uint8Array>) => Promise<Result>,
): Promise<Result> {
  const { path, request, signal, onEvent } = repository;
  const attempt = async () => {
    const { data, url } = await request('GET /repos/{owner}/{repo}/releases/assets/{asset_id}', {
      ...path,
      asset_id: id,
      headers: { accept: 'application/octet-stream' },
      request: { parseSuccessResponseBody: false },
    });
    return await read(data as unknown as AsyncIterable<Uint8Array>).catch((cause: Error) => {
      // In the form in which octokit says that a connection failed, so that it counts as that.
      const asked = { method: 'GET', url, headers: {} } as const;
      throw new RequestError('the answer was cut off', 500, { request: asked, cause });
    });
  };
  try {
    return await patiently(attempt, { isRepeatable: true, signal, onEvent });
  } catch (error) {
    throw explained(error, repository, `read ${name} back`);
  }
}
