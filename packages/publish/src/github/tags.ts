import { PublishError } from '../error.ts';
import { explained, type Repository } from './client.ts';

/**
 * Whether a tag is there, which leads to what was built, as far as that is known. Where it is not there GitHub makes it, when the
 * release is published: for that it has to have the commit. Throws PublishError.
 */
export async function checkTag(
  repository: Repository,
  tag: string,
  commit: string | undefined,
): Promise<{ readonly isThere: boolean }> {
  const there = await commitOfTag(repository, tag);
  if (commit === undefined || there === commit) return { isThere: there !== undefined };
  const at = `${repository.place.url}/${repository.place.repository}`;
  if (there !== undefined) {
    throw new PublishError(
      'TAG_MISMATCH',
      `The tag ${tag} is at commit ${there.slice(0, 12)} at ${at}, and what was built is ${commit.slice(0, 12)}. ` +
        'Build that commit, or give this one a version of its own. Nothing was uploaded.',
    );
  }
  if (await hasCommit(repository, commit)) return { isThere: false };
  throw new PublishError(
    'NOT_PUSHED',
    `The commit that was built, ${commit}, is not at ${at}, so that the tag ${tag} cannot be made there. Push it (git push). ` +
      'Nothing was uploaded.',
  );
}

async function commitOfTag(repository: Repository, tag: string): Promise<string | undefined> {
  const { path, request } = repository;
  return await unlessMissing(repository, `look for the tag ${tag}`, async () => {
    const { data } = await request('GET /repos/{owner}/{repo}/git/ref/{ref}', {
      ...path,
      ref: `tags/${tag}`,
    });
    if (data.object.type !== 'tag') return data.object.sha;
    const annotated = { ...path, tag_sha: data.object.sha };
    return (await request('GET /repos/{owner}/{repo}/git/tags/{tag_sha}', annotated)).data.object.sha;
  });
}

async function hasCommit(repository: Repository, commit: string): Promise<boolean> {
  const found = await unlessMissing(repository, `look for the commit ${commit}`, async () => {
    const which = { ...repository.path, commit_sha: commit };
    return await repository.request('GET /repos/{owner}/{repo}/git/commits/{commit_sha}', which);
  });
  return found !== undefined;
}

async function unlessMissing<Result>(
  repository: Repository,
  doing: string,
  ask: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await ask();
  } catch (error) {
    // 409: a repository without a commit.
    if ([404, 409].includes((error as { status?: number }).status ?? 0)) return undefined;
    throw explained(error, repository, doing);
  }
}
