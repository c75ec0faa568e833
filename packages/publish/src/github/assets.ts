import { createHash } from 'node:crypto';
import type { Endpoints } from '@octokit/types';
import type { StagedFile } from '../staged-version.ts';
import { explained, type Repository } from './client.ts';
import { patiently } from './patience.ts';
import { allPages, type Release } from './releases.ts';

/** https://docs.github.com/en/rest/releases/assets */
export type Asset =
  Endpoints['GET /repos/{owner}/{repo}/releases/{release_id}/assets']['response']['data'][number];

/** Those of a release, half-uploaded ones included. Throws PublishError. */
export async function listAssets(repository: Repository, { id }: Release): Promise<readonly Asset[]> {
  return await allPages(repository, 'list the files', async (page) => {
    const query = { ...repository.path, release_id: id, per_page: 100, page };
    return (await repository.request('GET /repos/{owner}/{repo}/releases/{release_id}/assets', query)).data;
  });
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

async function downloadedHash(repository: Repository, { id, name }: Asset): Promise<string> {
  const { path, request, signal, onEvent } = repository;
  const download = async () => {
    const { data } = await request('GET /repos/{owner}/{repo}/releases/assets/{asset_id}', {
      ...path,
      asset_id: id,
      headers: { accept: 'application/octet-stream' },
      request: { parseSuccessResponseBody: false },
    });
    const hash = createHash('sha256');
    for await (const part of data as unknown as AsyncIterable<Uint8Array>) hash.update(part);
    return hash.digest('hex');
  };
  try {
    return await patiently(download, { isRepeatable: true, signal, onEvent });
  } catch (error) {
    throw explained(error, repository, `read ${name} back`);
  }
}
