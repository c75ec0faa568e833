/** A release as the loopback GitHub has it. */
export interface StoredRelease {
  readonly id: number;
  tag_name: string;
  target_commitish: string;
  name: string | null;
  body: string | null;
  draft: boolean;
  prerelease: boolean;
  readonly created_at: string;
  published_at: string | null;
  readonly assets: StoredAsset[];
}

export interface StoredAsset {
  readonly id: number;
  readonly name: string;
  readonly content_type: string;
  state: 'uploaded' | 'starter';
  size: number;
  /** `sha256:…` */
  digest: string | null;
  readonly created_at: string;
}

export interface Addresses {
  readonly web: string;
  readonly api: string;
  readonly uploads: string;
  readonly repository: string;
}

/** As https://docs.github.com/en/rest/releases/releases has it. */
export function releaseJson(release: StoredRelease, addresses: Addresses) {
  const { web, api, uploads, repository } = addresses;
  const { assets, ...said } = release;
  const url = `${api}/repos/${repository}/releases/${release.id}`;
  return {
    ...said,
    url,
    html_url: `${web}/${repository}/releases/tag/${shownTag(release)}`,
    assets_url: `${url}/assets`,
    upload_url: `${uploads}/repos/${repository}/releases/${release.id}/assets{?name,label}`,
    tarball_url: null,
    zipball_url: null,
    node_id: `RE_${release.id}`,
    author: user(addresses),
    assets: assets.map((asset) => assetJson(asset, release, addresses)),
  };
}

/** As https://docs.github.com/en/rest/releases/assets has it. */
export function assetJson(asset: StoredAsset, release: StoredRelease, addresses: Addresses) {
  const { web, api, repository } = addresses;
  return {
    ...asset,
    url: `${api}/repos/${repository}/releases/assets/${asset.id}`,
    browser_download_url: `${web}/${repository}/releases/download/${shownTag(release)}/${asset.name}`,
    node_id: `RA_${asset.id}`,
    label: '',
    download_count: 0,
    updated_at: asset.created_at,
    uploader: user(addresses),
  };
}

/** As https://docs.github.com/en/rest/git/commits has it. */
export function commitJson(sha: string, { web, api, repository }: Addresses) {
  const url = `${api}/repos/${repository}/git`;
  const author = { name: 'Octo', email: 'octo@example.org', date: '2026-01-01T00:00:00Z' };
  return {
    sha,
    node_id: `C_${sha}`,
    url: `${url}/commits/${sha}`,
    html_url: `${web}/${repository}/commit/${sha}`,
    author,
    committer: author,
    message: '',
    tree: { sha, url: `${url}/trees/${sha}` },
    parents: [],
    verification: { verified: false, reason: 'unsigned', signature: null, payload: null, verified_at: null },
  };
}

/** A draft's tag need not be there yet. */
const shownTag = ({ draft, id, tag_name }: StoredRelease) =>
  draft ? `untagged-${id}` : encodeURIComponent(tag_name);

function user({ web, api }: Addresses) {
  const url = `${api}/users/octo`;
  return {
    login: 'octo',
    id: 1,
    node_id: 'U_1',
    avatar_url: `${web}/octo.png`,
    gravatar_id: '',
    url,
    html_url: `${web}/octo`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: 'User',
    site_admin: false,
  };
}
