/** A repository, and the server that has it. */
export interface GitHubPlace {
  /** `owner/name`. */
  readonly repository: string;
  /** Of the server, without a slash at the end: `https://github.com`. */
  readonly url: string;
  /** Of its API, without a slash at the end: `https://api.github.com`, of an Enterprise server `<url>/api/v3`. */
  readonly api: string;
}

/** The variables that a token is taken from, the first that is set. */
export function tokenVariables({ url }: GitHubPlace, environment: NodeJS.ProcessEnv): readonly string[] {
  const own = ['GH_TOKEN', 'GITHUB_TOKEN'];
  if (url === 'https://github.com') return own;
  // A token of github.com is nothing that another server is to see. In a workflow of that server it is the server's own.
  return [
    'GH_ENTERPRISE_TOKEN',
    'GITHUB_ENTERPRISE_TOKEN',
    ...(environment.GITHUB_SERVER_URL === url ? own : []),
  ];
}
