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
    const home = `${github.url}/${github.repository}`;
    const releases = `${home}/releases`;
    const [before = '', after = ''] = tag.split('{version}').map(encodeURIComponent);
    const newest = isMain ? 'latest/download' : `download/${encodeURIComponent(tagOf(version, tag))}`;
    return {
      versions: `${releases}/download/${before}{version}${after}/`,
      latest: `${releases}/${newest}/latest.json`,
      home,
    };
  }
  if (url === undefined) return undefined;
  return { versions: `${url}{version}/`, latest: `${url}latest.json`, home: url };
}
