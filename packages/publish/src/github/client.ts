import { Octokit } from '@octokit/core';
import { RequestError } from '@octokit/request-error';
import { PublishError } from '../error.ts';
import type { OnGitHubEvent } from './events.ts';
import { isPassing, patiently, reasonOf } from './patience.ts';
import type { GitHubPlace } from './place.ts';
import type { Release } from './releases.ts';

/** A repository on GitHub, asked with a token. */
export interface Repository {
  readonly place: GitHubPlace;
  /** The path's parameters of every request. */
  readonly path: { readonly owner: string; readonly repo: string };
  /** Waits for limits. Repeats what failed for a while, but for POST. Throws PublishError and RequestError. */
  readonly request: Octokit['request'];
  readonly signal: AbortSignal | undefined;
  readonly onEvent: OnGitHubEvent;
}

export interface Access {
  readonly place: GitHubPlace;
  readonly token: string;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: OnGitHubEvent;
}

/** Asks nothing yet. */
export function openRepository({ place, token, signal, onEvent }: Access): Repository {
  const silent = () => {};
  const octokit = new Octokit({
    auth: token,
    baseUrl: place.api,
    userAgent: 'sarma',
    request: { ...(signal && { signal }) },
    log: { debug: silent, info: silent, warn: silent, error: silent },
  });
  octokit.hook.wrap('request', (request, options) => {
    options.headers['x-github-api-version'] = '2022-11-28';
    // What a POST has made may be there although its answer was lost.
    const isRepeatable = options.method !== 'POST';
    const attempt = async () => {
      const response = await request(options);
      // Octokit gives what came of an answer that was cut off as text, without a word.
      const { data, headers } = response;
      if (typeof data === 'string' && headers['content-type']?.includes('json'))
        throw new RequestError('the answer was cut off', 500, { request: options });
      return response;
    };
    return patiently(attempt, { isRepeatable, signal, onEvent });
  });
  const [owner = '', repo = ''] = place.repository.split('/');
  return { place, path: { owner, repo }, request: octokit.request, signal, onEvent };
}

/**
 * Says what GitHub's refusal means. `doing` is what was tried: `create the release`; `of` the release that it was tried with, which was
 * there a moment ago. Anything else is returned as it is.
 */
export function explained(
  error: unknown,
  { place, signal }: Repository,
  doing: string,
  of?: Release,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (!(error instanceof RequestError)) return error;
  const said = reasonOf(error);
  const { repository, url, api } = place;
  // Without the request, which has the token.
  const options = { cause: error.cause };
  if (isPassing(error)) {
    return new PublishError(
      'UNREACHABLE',
      `${api} fails (${said}): could not ${doing}. Run it again later: it goes on with what is missing.`,
      options,
    );
  }
  switch (error.status) {
    case 401:
      return new PublishError(
        'TOKEN_REFUSED',
        `${url} does not take the token (${said}): it is wrong or has expired. Make a new one that may write the contents of ${repository}.`,
        options,
      );
    case 403:
      return new PublishError(
        'NOT_ALLOWED',
        `The token may not ${doing} in ${repository} (${said}). It needs the repository permission Contents: read and write; ` +
          'in a workflow: permissions: { contents: write }.',
        options,
      );
    case 404:
      if (of !== undefined) {
        return new PublishError(
          'RELEASE_GONE',
          `Could not ${doing}: the release ${of.tag_name} is not in ${repository} any more (404). Somebody has deleted it, or the token ` +
            'may not write to it. Run it again: it makes another one.',
          options,
        );
      }
      return new PublishError(
        'NO_REPOSITORY',
        `Could not ${doing}: there is no ${repository} at ${url}, or the token may not see it or not write to it (404). ` +
          'Look at publish.github in the configuration, and at which repositories the token is for.',
        options,
      );
    default:
      return new PublishError(
        'GITHUB_REFUSED',
        `GitHub refuses to ${doing} in ${repository} (${said}).`,
        options,
      );
  }
}
