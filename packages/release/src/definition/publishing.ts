import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from '../error.ts';
import type { GitHubRepository, PublishSettings, UpdatePolicy } from '../release.ts';
import type { configPaths } from './paths.ts';
import type { PublishConfig, ReleaseConfig } from './sarma-config.ts';

/** A release among those of its project. */
export interface Among {
  readonly name: string;
  /** Whether others are published in the same repository. */
  readonly sharesRepository: boolean;
  /** Whether people are led to this one there. */
  readonly isMain: boolean;
}

/** Throws ReleaseError CONFIG_PATH. */
export function readPublish(
  { publish = {} }: ReleaseConfig,
  paths: ReturnType<typeof configPaths>,
  { name, sharesRepository, isMain }: Among,
): PublishSettings {
  const tagged = sharesRepository ? '{name}-v{version}' : 'v{version}';
  const { github, url, tag = tagged, changelog, include, homebrew, scoop, winget, npm } = publish;
  return {
    github: github === undefined ? undefined : repositoryOf(github),
    url: url?.replace(/\/?$/, '/'),
    tag: tag.replaceAll('{name}', () => name),
    isMain,
    changelog:
      changelog === false ? false : paths.orDefault('publish.changelog', changelog, ['CHANGELOG.md']),
    include,
    packagers: { homebrew, scoop, winget, npm },
  };
}

/** `owner/name` is one on github.com. */
export function repositoryOf(github: NonNullable<PublishConfig['github']>): GitHubRepository {
  const { repository, url, api } = typeof github === 'string' ? { repository: github } : github;
  const server = (url ?? 'https://github.com').replace(/\/$/, '');
  const ofServer = server === 'https://github.com' ? 'https://api.github.com' : `${server}/api/v3`;
  return { repository, url: server, api: api?.replace(/\/$/, '') ?? ofServer };
}

/** Throws ReleaseError UPDATE. */
export function readUpdate({ update }: ReleaseConfig, project: string): UpdatePolicy | undefined {
  if (update === undefined) return undefined;
  const publicKeys = [update.publicKey].flat().map((given) => readPublicKey(given, project));
  return { publicKeys, channel: update.channel ?? 'latest' };
}

/** The line of a public key of minisign: 42 bytes that begin with `Ed`. */
const PUBLIC_KEY = /^RW[Q-T][\w+/]{53}$/;

/** Given as it is, or in a file. */
function readPublicKey(given: string, project: string): string {
  if (PUBLIC_KEY.test(given)) return given;
  const file = path.resolve(project, given);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ReleaseError(
      'UPDATE',
      `update.publicKey: ${file} cannot be read, and is no public key of minisign (RW…) itself. ` +
        '`sarma keygen` makes a pair of keys.',
      { cause },
    );
  }
  const line = text.split(/\r?\n/).find((one) => PUBLIC_KEY.test(one.trim()));
  if (line !== undefined) return line.trim();
  throw new ReleaseError(
    'UPDATE',
    `update.publicKey: ${file} has no public key of minisign in it (a line RW…).`,
  );
}
