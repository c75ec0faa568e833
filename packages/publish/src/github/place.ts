/** A repository, and the server that has it. */
export interface GitHubPlace {
  /** `owner/name`. */
  readonly repository: string;
  /** Of the server, without a slash at the end: `https://github.com`. */
  readonly url: string;
  /** Of its API, without a slash at the end: `https://api.github.com`, of an Enterprise server `<url>/api/v3`. */
  readonly api: string;
}

const GITHUB = 'https://github.com';

/** The server whose workflow this is, or that of everybody. Without a slash at the end. */
export function workflowServer({ GITHUB_SERVER_URL }: NodeJS.ProcessEnv): string {
  return GITHUB_SERVER_URL?.replace(/\/$/, '') || GITHUB;
}

/**
 * The variables that a token is taken from, the first that is set. A token of one server is nothing that another one is to see:
 * in a workflow `GITHUB_TOKEN` is that of the server it runs on. What `gh` says of the names: `gh help environment`.
 */
export function tokenVariables({ url }: GitHubPlace, environment: NodeJS.ProcessEnv): readonly string[] {
  const isOwn = workflowServer(environment) === url;
  if (url === GITHUB) return isOwn ? ['GH_TOKEN', 'GITHUB_TOKEN'] : ['GH_TOKEN'];
  return ['GH_ENTERPRISE_TOKEN', 'GITHUB_ENTERPRISE_TOKEN', ...(isOwn ? ['GH_TOKEN', 'GITHUB_TOKEN'] : [])];
}
