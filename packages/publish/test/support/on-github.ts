import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import {
  type GitHubServer,
  type GitHubServerOptions,
  serveGitHub,
} from '../../../../test/support/github-server.ts';
import { temporaryDirectory } from '../../../../test/support/run.ts';
import {
  type GitHubEvent,
  type GitHubState,
  type PublishToGitHubOptions,
  publishToGitHub,
  type StagedVersion,
} from '../../src/index.ts';

export interface Told {
  readonly events: readonly GitHubEvent[];
  readonly notices: string;
  readonly state: GitHubState | undefined;
}

/** What a test's own context is for. */
interface Test {
  readonly onTestFinished: (done: () => Promise<void>) => void;
}

const FILES = {
  SHA256SUMS: 300,
  'hello_linux-x64': 700_000,
  'hello_win-x64.exe': 500_000,
  'latest.json': 400,
};

/** A version as `stage` leaves it: files of so many random bytes. */
export async function stagedVersion(
  version = '1.2.0',
  sizes: Readonly<Record<string, number>> = FILES,
): Promise<StagedVersion> {
  const folder = path.join(await temporaryDirectory(), version);
  await mkdir(folder);
  const files = [];
  for (const [name, size] of Object.entries(sizes)) {
    const bytes = randomBytes(size);
    await writeFile(path.join(folder, name), bytes);
    files.push({ name, size, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
  const tag = `v${version}`;
  return {
    folder,
    files,
    feed: { format: 1, name: 'hello', version, tag, notes: 'Better.', executables: [] },
  };
}

/**
 * A GitHub of a test's own. When the test ends, every request and every answer was as GitHub's OpenAPI description has it,
 * and no other host has seen the token.
 */
export async function onGitHub({ onTestFinished }: Test, options?: GitHubServerOptions) {
  const server: GitHubServer = await serveGitHub(options);
  onTestFinished(async () => {
    await server.close();
    expect(server.wrong).toEqual([]);
  });

  async function publish(version: StagedVersion, given: Partial<PublishToGitHubOptions> = {}): Promise<Told> {
    const events: GitHubEvent[] = [];
    await publishToGitHub(version, {
      place: server.place,
      token: server.token,
      tag: 'v{version}',
      isMain: true,
      commit: undefined,
      onEvent: (event) => events.push(event),
      ...given,
    });
    const notices = events.flatMap((event) => (event.type === 'notice' ? [event.message] : []));
    const state = events.findLast((event) => event.type === 'github')?.state;
    return { events, notices: notices.join('\n'), state };
  }

  /** What people get by the addresses that installers and updates use. */
  async function download(file: string, from = 'latest/download'): Promise<Buffer | number> {
    const { url, repository } = server.place;
    const response = await fetch(`${url}/${repository}/releases/${from}/${file}`);
    return response.ok ? Buffer.from(await response.arrayBuffer()) : response.status;
  }

  async function expectPublished(version: StagedVersion): Promise<void> {
    for (const { name } of version.files) {
      const there = await download(name, `download/${version.feed.tag}`);
      expect(there).toEqual(await readFile(path.join(version.folder, name)));
    }
  }

  const count = (operation: string) =>
    server.requests.filter((request) => request.operation === operation).length;

  return { server, publish, download, expectPublished, count };
}

export const UPLOAD = 'repos/upload-release-asset';
