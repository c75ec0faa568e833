import type { CheckResult } from '../release.ts';
import type { Checked } from './checked.ts';

const shortest = 16;

/** A cookie in the configuration lies in every copy of the release; a short one can be guessed besides. */
export function checkCookie({ release }: Checked): CheckResult {
  const { cookie } = release.options;
  if (cookie === undefined) return undefined;
  const published = {
    level: 'warning',
    message:
      `The cookie of ${release.name} is in the release, so everybody who gets it can control its nodes. ` +
      'Leave `cookie` out: the first start makes one; or set RELEASE_COOKIE where it runs.',
  } as const;
  if (cookie.length >= shortest) return published;
  const message = `The cookie of ${release.name} has ${cookie.length} characters; one that cannot be guessed has at least ${shortest}.`;
  return [{ level: 'warning', message }, published];
}
