import type { Endpoints } from '@octokit/types';
import { explained, type Repository } from './client.ts';
import { ATTEMPTS, isPassing, notice, pauseAfter, reasonOf, waitFor } from './patience.ts';

/** https://docs.github.com/en/rest/releases/releases */
export type Release = Endpoints['GET /repos/{owner}/{repo}/releases']['response']['data'][number];

const PAGE = 100;

/** All, drafts included. Throws PublishError. */
export async function listReleases(repository: Repository): Promise<readonly Release[]> {
  try {
    return await allPages(async (page) => {
      const query = { ...repository.path, per_page: PAGE, page };
      return (await repository.request('GET /repos/{owner}/{repo}/releases', query)).data;
    });
  } catch (error) {
    throw explained(error, repository, 'list the releases');
  }
}

/** Throws what `get` throws. */
export async function allPages<Item>(
  get: (page: number) => Promise<readonly Item[]>,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let page = 1; items.length === (page - 1) * PAGE; page += 1) items.push(...(await get(page)));
  return items;
}

/** The release of a tag: the published one, else its oldest draft. */
export function releaseOf(tag: string, releases: readonly Release[]): Release | undefined {
  const ofTag = releases.filter(({ tag_name }) => tag_name === tag).sort((one, other) => one.id - other.id);
  return ofTag.find(({ draft }) => !draft) ?? ofTag[0];
}

/** What a release says of itself. */
export interface ReleaseText {
  readonly tag_name: string;
  readonly name: string;
  readonly body?: string;
  readonly prerelease: boolean;
  /** Where the tag is made, if it is not there. */
  readonly target_commitish?: string;
}

/** Throws PublishError. */
export async function createDraft(repository: Repository, text: ReleaseText): Promise<Release> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const wanted = { ...repository.path, ...text, draft: true };
      return (await repository.request('POST /repos/{owner}/{repo}/releases', wanted)).data;
    } catch (error) {
      if (!isPassing(error) || attempt === ATTEMPTS || repository.signal?.aborted)
        throw explained(error, repository, 'create the release');
      repository.onEvent(notice(`GitHub failed to create the release (${reasonOf(error)}): looking again.`));
      await waitFor(repository, pauseAfter(attempt));
      // It may have made one and not been able to say so; asked again it would make another.
      const made = releaseOf(text.tag_name, await listReleases(repository));
      if (made !== undefined) return made;
    }
  }
}

/** Throws PublishError. */
export async function updateRelease(
  repository: Repository,
  release: Release,
  change: Partial<ReleaseText> & { readonly draft: boolean; readonly make_latest?: 'true' | 'false' },
): Promise<Release> {
  const hiding = release.draft ? 'change the draft' : 'make the release a draft again';
  const doing = change.draft ? hiding : 'publish the release';
  try {
    const wanted = { ...repository.path, release_id: release.id, ...change };
    return (await repository.request('PATCH /repos/{owner}/{repo}/releases/{release_id}', wanted)).data;
  } catch (error) {
    throw explained(error, repository, doing, release);
  }
}
