import path from 'node:path';
import type { StagedVersion } from '@sarma/publish';
import { execa } from 'execa';
import type { GitHubServer } from './github-server.ts';

const SCRIPT = path.join(import.meta.dirname, 'publish-to-github-process.ts');

/** In a process of its own, since it is to be killed, or to be measured. */
export function publishToGitHub(server: GitHubServer, version: StagedVersion) {
  return execa(
    process.execPath,
    ['--conditions=@sarma/source', SCRIPT, JSON.stringify([version, server.place])],
    { env: { GH_ENTERPRISE_TOKEN: server.token }, reject: false },
  );
}
