import { tagOf } from '@sarma/update';
import type { PublishPlace } from './staged-version.ts';

/** What of `publish` in the configuration says where versions lie. */
export interface PlaceSettings {
  readonly github: { readonly repository: string; readonly url: string } | undefined;
  /** With a slash at the end. */
  readonly url: string | undefined;
  /** With `{version}`. */
  readonly tag: string;
  /** Whether `releases/latest` of the repository may lead to it. */
  readonly isMain: boolean;
}

/** Where a version will be had from; undefined where nobody has said so. */
export function placeOf(
  { github, url, tag, isMain }: PlaceSettings,
  version: string,
): PublishPlace | undefined {
  if (github !== undefined) {
    const releases = `${github.url}/${github.repository}/releases`;
    const [before = '', after = ''] = tag.split('{version}').map(encodeURIComponent);
    const own = `${releases}/download/${encodeURIComponent(tagOf(version, tag))}/`;
    return {
      version: own,
      versions: `${releases}/download/${before}{version}${after}/`,
      latest: `${isMain ? `${releases}/latest/download/` : own}latest.json`,
    };
  }
  if (url === undefined) return undefined;
  return {
    version: `${url}${encodeURIComponent(version)}/`,
    versions: `${url}{version}/`,
    latest: `${url}latest.json`,
  };
}
