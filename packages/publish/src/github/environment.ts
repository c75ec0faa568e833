import type { Feed } from '@sarma/update';
import { PublishError } from '../error.ts';
import { type GitHubPlace, tokenVariables, workflowServer } from './place.ts';

/** The token for a server. Throws PublishError NO_TOKEN. */
export function gitHubToken(place: GitHubPlace, environment: NodeJS.ProcessEnv): string {
  const names = tokenVariables(place, environment);
  const name = names.find((one) => environment[one]?.trim());
  if (name === undefined) {
    throw new PublishError(
      'NO_TOKEN',
      `There is no token for ${place.url}: set ${names.slice(0, 2).join(' or ')} to one that may write the contents of ` +
        `${place.repository}. In a workflow: env: { ${names[0]}: \${{ github.token }} } and permissions: { contents: write }.`,
    );
  }
  const token = environment[name]!.trim();
  // What is no header's value would be shown in the error of whoever takes it for one.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new PublishError('NO_TOKEN', `${name} has characters in it that no token has. Set it anew.`);
  return token;
}

/**
 * Refuses to publish a version in a workflow of this repository that runs for the tag of another one. A tag with the version alone
 * (`v1.2.0`) is that of every release whose own has a name in it. Throws PublishError TAG_MISMATCH.
 */
export function refuseOtherTag(
  { name, version, tag }: Pick<Feed, 'name' | 'version' | 'tag'>,
  place: GitHubPlace,
  environment: NodeJS.ProcessEnv,
): void {
  const { GITHUB_REF_TYPE, GITHUB_REF_NAME: pushed } = environment;
  if (!isWorkflowOf(place, environment) || GITHUB_REF_TYPE !== 'tag' || !pushed) return;
  if (pushed === tag || (tag.includes(name) && pushed === `v${version}`)) return;
  throw new PublishError(
    'TAG_MISMATCH',
    `The tag is ${pushed}, and that of ${name} ${version} is ${tag}. Set the version in package.json and build again, or push ${tag}. ` +
      'Nothing was uploaded.',
  );
}

/** Whether this is a workflow of the repository, on its server. */
export function isWorkflowOf({ repository, url }: GitHubPlace, environment: NodeJS.ProcessEnv): boolean {
  const { GITHUB_ACTIONS, GITHUB_REPOSITORY } = environment;
  return (
    GITHUB_ACTIONS === 'true' &&
    GITHUB_REPOSITORY?.toLowerCase() === repository.toLowerCase() &&
    workflowServer(environment) === url
  );
}
