import type { BootFile } from './boot-file.ts';
import { type ReleaseEnvironment, releaseVariables } from './environment.ts';

/** What hooks, children and the release's own code see in `process.env`. */
export function setProcessEnvironment(boot: BootFile, environment: ReleaseEnvironment): void {
  Object.assign(process.env, releaseVariables(environment));
  // A server is run in production; most packages know that only by this variable.
  if (!['dev', 'test'].includes(boot.environment)) process.env.NODE_ENV ??= 'production';
}
