import type { FeedPlace, UpdateTrust } from '@sarma/update';
import { ReleaseError } from './error.ts';
import type { PublishSettings, Release } from './release.ts';

/** Whom the executables of a release believe; undefined: they do not update themselves. Throws ReleaseError UPDATE. */
export function updateTrust({ options: { update, publish } }: Release): UpdateTrust | undefined {
  if (update === undefined) return undefined;
  return { feed: feedPlace(publish), publicKeys: update.publicKeys, channel: update.channel };
}

/** Where executables look for later versions. Throws ReleaseError UPDATE. */
function feedPlace({ github, url, tag }: PublishSettings): FeedPlace {
  if (github !== undefined) {
    return { github: { url: github.url, api: github.api, repository: github.repository, tag } };
  }
  if (url !== undefined) return { folder: { url } };
  throw new ReleaseError(
    'UPDATE',
    'update needs to know where later versions are published: say publish.github ("owner/name") or publish.url.',
  );
}
