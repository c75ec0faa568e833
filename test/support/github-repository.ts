import { createHash } from 'node:crypto';
import {
  type Addresses,
  assetJson,
  commitJson,
  releaseJson,
  type StoredAsset,
  type StoredRelease,
} from './github-answers.ts';
import type { FoundOperation } from './github-description.ts';

/** What the repository on the loopback GitHub has. */
export interface HostedRepository {
  readonly releases: StoredRelease[];
  /** The tag → the commit, or what an annotated one leads to. */
  readonly tags: Map<string, string | { readonly annotates: string }>;
  /** Undefined: any that is asked for. */
  readonly commits: readonly string[] | undefined;
  latest: StoredRelease | undefined;
  lastId: number;
}

export interface Asked {
  readonly query: URLSearchParams;
  readonly body: Partial<StoredRelease> & { readonly make_latest?: string };
  readonly accept: string | undefined;
  /** By its token. */
  readonly isKnown: boolean;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Does what a request asks for, but for uploads. */
export function act(
  repository: HostedRepository,
  { id, parameters }: FoundOperation,
  { query, body, accept, isKnown }: Asked,
  addresses: Addresses & { readonly storage: string },
): Answer {
  const { releases, tags, commits } = repository;
  // Drafts are for those who may write.
  const visible = releases.filter(({ draft }) => isKnown || !draft);
  const release = visible.find((one) => one.id === Number(parameters.release_id));
  const found = (one: StoredRelease | undefined): Answer =>
    one === undefined ? failure(404, 'Not Found') : { status: 200, body: releaseJson(one, addresses) };
  switch (id) {
    case 'repos/list-releases':
      return {
        status: 200,
        body: page([...visible].reverse(), query).map((one) => releaseJson(one, addresses)),
      };
    case 'repos/get-latest-release':
      return found(repository.latest);
    case 'repos/get-release-by-tag':
      return found(releases.find(({ tag_name, draft }) => tag_name === parameters.tag && !draft));
    case 'repos/get-release':
      return found(release);
    case 'repos/create-release': {
      const created = { ...newRelease(++repository.lastId), ...withoutLatest(body) };
      releases.push(created);
      if (!created.draft) publish(repository, created, body.make_latest);
      return { status: 201, body: releaseJson(created, addresses) };
    }
    case 'repos/update-release': {
      if (release === undefined) return failure(404, 'Not Found');
      Object.assign(release, withoutLatest(body));
      if (!release.draft) publish(repository, release, body.make_latest);
      else if (repository.latest === release) repository.latest = undefined;
      return found(release);
    }
    case 'repos/delete-release':
      releases.splice(releases.indexOf(release!), 1);
      return { status: 204 };
    case 'repos/list-release-assets': {
      if (release === undefined) return failure(404, 'Not Found');
      const listed = page(release.assets, query).map((one) => assetJson(one, release, addresses));
      return { status: 200, body: listed };
    }
    case 'repos/get-release-asset':
    case 'repos/delete-release-asset': {
      const assetId = Number(parameters.asset_id);
      const owner = visible.find(({ assets }) => assets.some((one) => one.id === assetId));
      if (owner === undefined) return failure(404, 'Not Found');
      const asset = owner.assets.find((one) => one.id === assetId)!;
      if (id === 'repos/delete-release-asset') {
        owner.assets.splice(owner.assets.indexOf(asset), 1);
        return { status: 204 };
      }
      if (accept === 'application/octet-stream')
        return { status: 302, headers: { location: `${addresses.storage}/${asset.id}` } };
      return { status: 200, body: assetJson(asset, owner, addresses) };
    }
    case 'git/get-ref': {
      const name = parameters.ref!.replace(/^tags\//, '');
      const tag = tags.get(name);
      if (tag === undefined) return failure(404, 'Not Found');
      const [type, sha] = typeof tag === 'string' ? ['commit', tag] : ['tag', tagSha(name)];
      const url = `${addresses.api}/repos/${addresses.repository}/git`;
      const object = { type, sha, url: `${url}/${type}s/${sha}` };
      return { status: 200, body: { ref: `refs/tags/${name}`, node_id: 'R', url: `${url}/refs`, object } };
    }
    case 'git/get-tag': {
      const [name, tag] = [...tags].find(([one]) => tagSha(one) === parameters.tag_sha) ?? [];
      if (typeof tag !== 'object') return failure(404, 'Not Found');
      const url = `${addresses.api}/repos/${addresses.repository}/git/commits/${tag.annotates}`;
      const tagger = { name: 'Octo', email: 'octo@example.org', date: '2026-01-01T00:00:00Z' };
      const object = { type: 'commit', sha: tag.annotates, url };
      const body = { node_id: 'T', tag: name, sha: parameters.tag_sha, url, message: '', tagger, object };
      return { status: 200, body };
    }
    case 'git/get-commit': {
      const sha = parameters.commit_sha!;
      if (commits !== undefined && !commits.includes(sha)) return failure(404, 'Not Found');
      return { status: 200, body: commitJson(sha, addresses) };
    }
    default:
      throw new Error(`${id} has no answer here`);
  }
}

function publish(repository: HostedRepository, release: StoredRelease, makeLatest = 'true'): void {
  const { tags } = repository;
  release.published_at ??= new Date().toISOString();
  if (!tags.has(release.tag_name)) tags.set(release.tag_name, commitOf(release.target_commitish));
  if (makeLatest === 'true' && !release.prerelease) repository.latest = release;
}

/** The place for a file that is uploaded; undefined where one of that name is there. */
export function addAsset(
  repository: HostedRepository,
  release: StoredRelease,
  asked: string,
  contentType: string | undefined,
): StoredAsset | undefined {
  // https://docs.github.com/en/rest/releases/assets#upload-a-release-asset: special characters are replaced.
  const name = asked.replace(/[^\w.+-]/g, '.');
  if (release.assets.some((one) => one.name === name)) return undefined;
  const asset: StoredAsset = {
    id: ++repository.lastId,
    name,
    content_type: contentType ?? 'application/octet-stream',
    state: 'starter',
    size: 0,
    digest: null,
    created_at: new Date().toISOString(),
  };
  release.assets.push(asset);
  return asset;
}

const DOCUMENTATION = 'https://docs.github.com/rest/releases/releases';
export const failure = (status: number, message: string): Answer => ({
  status,
  body: { message, documentation_url: DOCUMENTATION, status: String(status) },
});
export const invalid = (resource: string, code: string, field: string): Answer => ({
  status: 422,
  body: {
    message: 'Validation Failed',
    documentation_url: DOCUMENTATION,
    errors: [{ resource, code, field }],
  },
});

function page<Item>(items: readonly Item[], query: URLSearchParams): readonly Item[] {
  const size = Math.min(Number(query.get('per_page') ?? 30), 100);
  const first = (Number(query.get('page') ?? 1) - 1) * size;
  return items.slice(first, first + size);
}

/** A branch's newest is always the same here. */
const commitOf = (name: string) => (/^[0-9a-f]{40}$/.test(name) ? name : '0'.repeat(40));
const tagSha = (name: string) => createHash('sha1').update(`tag ${name}`).digest('hex');
const withoutLatest = <Body extends { make_latest?: string }>({ make_latest: _, ...rest }: Body) => rest;

function newRelease(id: number): StoredRelease {
  return {
    id,
    tag_name: '',
    target_commitish: 'main',
    name: null,
    body: null,
    draft: false,
    prerelease: false,
    created_at: new Date().toISOString(),
    published_at: null,
    assets: [],
  };
}
