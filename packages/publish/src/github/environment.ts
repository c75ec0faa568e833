import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PublishError } from '../error.ts';
import { type GitHubPlace, tokenVariables } from './place.ts';

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

/** The tag that was pushed, in a workflow of this repository that runs for one. */
export function pushedTag(place: GitHubPlace, environment: NodeJS.ProcessEnv): string | undefined {
  if (!isWorkflowOf(place, environment) || environment.GITHUB_REF_TYPE !== 'tag') return undefined;
  return environment.GITHUB_REF_NAME || undefined;
}

/** What is built: the workflow's commit, else that of the project's Git repository; undefined where there is none. */
export async function builtCommit(
  place: GitHubPlace,
  project: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (isWorkflowOf(place, environment) && environment.GITHUB_SHA) return environment.GITHUB_SHA;
  const asked = promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd: project });
  const { stdout } = await asked.catch(() => ({ stdout: '' }));
  return stdout.trim() || undefined;
}

function isWorkflowOf({ repository, url }: GitHubPlace, environment: NodeJS.ProcessEnv): boolean {
  const { GITHUB_ACTIONS, GITHUB_REPOSITORY, GITHUB_SERVER_URL } = environment;
  return (
    GITHUB_ACTIONS === 'true' &&
    GITHUB_REPOSITORY?.toLowerCase() === repository.toLowerCase() &&
    (GITHUB_SERVER_URL ?? 'https://github.com') === url
  );
}
