import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isWorkflowOf } from './environment.ts';
import type { OnGitHubEvent } from './events.ts';
import { notice } from './patience.ts';
import type { GitHubPlace } from './place.ts';

/**
 * The commit that was built, of those that the repository has or should have: the workflow's, else that of the project's Git
 * repository. Undefined where there is none, and where releases lie in another repository than the source: the tag then is made
 * at the newest commit there. Warns of changes that are in no commit.
 */
export async function builtCommit(
  place: GitHubPlace,
  project: string,
  environment: NodeJS.ProcessEnv,
  onEvent: OnGitHubEvent,
): Promise<string | undefined> {
  if (isWorkflowOf(place, environment) && environment.GITHUB_SHA) return environment.GITHUB_SHA;
  const [commit] = await git(project, 'rev-parse', 'HEAD');
  if (commit === undefined) return undefined;
  const { repository } = place;
  const remotes = (await git(project, 'remote', '-v')).map((line) => line.split(/\s/)[1] ?? '');
  if (remotes.length > 0 && !remotes.some((remote) => leadsTo(remote, repository))) {
    const message = `${project} is not a clone of ${repository}: a tag that is not there yet is made at the newest commit of ${repository}.`;
    onEvent(notice(message));
    return undefined;
  }
  const changed = await git(project, 'status', '--porcelain', '--untracked-files=no');
  if (changed.length > 0) {
    const names = changed.slice(0, 3).map((line) => line.slice(3));
    const more = changed.length > 3 ? ` and ${changed.length - 3} more` : '';
    const message = `Changes that are not committed (${names.join(', ')}${more}) are not in ${commit.slice(0, 12)}, to which the tag leads.`;
    onEvent({ type: 'notice', level: 'warning', message });
  }
  return commit;
}

/** `https://github.com/ann/hello.git`, `git@github.com:ann/hello`: whatever the host is called in somebody's configuration of SSH. */
function leadsTo(remote: string, repository: string): boolean {
  const [name = '', owner = ''] = remote
    .replace(/\/$/, '')
    .replace(/\.git$/, '')
    .split(/[/:]/)
    .reverse();
  return `${owner}/${name}`.toLowerCase() === repository.toLowerCase();
}

/** The lines that git prints; none where there is no repository, or no git. */
async function git(folder: string, ...args: readonly string[]): Promise<readonly string[]> {
  const asked = promisify(execFile)('git', args, { cwd: folder });
  const { stdout } = await asked.catch(() => ({ stdout: '' }));
  return stdout.split('\n').filter((line) => line !== '');
}
