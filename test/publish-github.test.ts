// `sarma publish` as a person calls it, to a GitHub on loopback that answers as GitHub's API is described.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { type GitHubServer, serveGitHub } from './support/github-server.ts';
import { writeFiles } from './support/programs.ts';
import { runCommand, type Transcript, temporaryDirectory, wrapCommand } from './support/run.ts';

const SARMA = path.resolve(import.meta.dirname, '../packages/cli/bin/sarma.js');
const UPLOAD = 'repos/upload-release-asset';
const COMMIT = 'c'.repeat(40);

let project: string;
let first: GitHubServer;
let published: Transcript;
/** What it has staged. */
let staged: string;

beforeAll(async () => {
  project = await temporaryDirectory();
  await writeFiles(project, {
    'package.json': JSON.stringify({ name: 'hello', version: '1.2.0', bin: 'hello.js' }),
    'hello.js': "console.log('hello');",
    'CHANGELOG.md': '## 1.2.0\n\n* Says hello.\n',
    'README.md': '# hello\n',
  });
  const runtime = ['--runtime', process.versions.node, '--compression', 'fast'];
  const { exitCode, stderr } = await wrapCommand([project, '--current', ...runtime]);
  expect(exitCode, stderr).toBe(0);
  first = await gitHub();
  published = await runCommand(['publish', project], { env: workflow(first) });
  staged = path.join(project, 'burrito_out/publish/hello-1.2.0');
});

/** A GitHub that the project is published on; to be closed. */
async function gitHub(): Promise<GitHubServer> {
  const server = await serveGitHub();
  const config = { publish: { github: server.place } };
  await writeFile(path.join(project, 'sarma.config.json'), JSON.stringify(config));
  return server;
}

async function close(server: GitHubServer): Promise<void> {
  await server.close();
  expect(server.wrong).toEqual([]);
}

/** What a workflow of the repository has in its environment. */
const workflow = ({ token, place }: GitHubServer, tag = 'v1.2.0') => ({
  ...{ GITHUB_ACTIONS: 'true', GITHUB_SERVER_URL: place.url, GITHUB_REPOSITORY: place.repository },
  ...{ GITHUB_REF_TYPE: 'tag', GITHUB_REF_NAME: tag, GITHUB_SHA: COMMIT, GH_TOKEN: token },
});

test('sarma publish makes a release of what was wrapped, with its notes', async () => {
  const { stdout, exitCode, stderr } = published;
  expect(exitCode, stderr).toBe(0);
  const { url, repository } = first.place;
  expect(stdout).toContain(`Published ${url}/${repository}/releases/tag/v1.2.0`);
  expect(first.releases).toMatchObject([{ name: 'hello 1.2.0', body: '* Says hello.', draft: false }]);
  expect(first.tags.get('v1.2.0')).toBe(COMMIT);

  const folder = await temporaryDirectory();
  for (const { name } of first.releases[0]!.assets)
    await execa('curl', ['-fsSLO', `${url}/${repository}/releases/latest/download/${name}`], { cwd: folder });
  const checked = await execa('sha256sum', ['-c', 'SHA256SUMS'], { cwd: folder });
  expect(checked.stdout.split('\n')).toHaveLength(first.releases[0]!.assets.length - 1);
  await close(first);
});

test('Ctrl-C ends it at once, and the next run goes on where it was', async () => {
  const server = await gitHub();
  server.fail(UPLOAD, { stuckAfter: 1_000_000 }, 10);
  const args = [SARMA, 'publish', project, '--from', staged, '--json'];
  const stopped = execa(process.execPath, args, { env: workflow(server), reject: false });
  // All but the executable and its archive, which are large.
  const states = () =>
    server.releases[0]?.assets
      .map(({ state }) => state)
      .sort()
      .join(' ');
  await expect.poll(states).toMatch(/^starter starter( uploaded)+$/);
  stopped.kill('SIGINT');
  const { exitCode, stdout } = await stopped;
  expect(exitCode).toBe(130);
  expect(JSON.parse(stdout.split('\n').at(-1)!)).toMatchObject({ type: 'failure', code: 'INTERRUPTED' });
  const sent = states()!.split(' ').length - 2;

  server.forgive();
  const again = await runCommand(['publish', project, '--from', staged, '--json'], { env: workflow(server) });
  expect(again.exitCode, again.stdout).toBe(0);
  expect(again.stdout.match(/"type":"kept"/g)).toHaveLength(sent);
  expect(server.releases).toMatchObject([{ draft: false }]);
  await close(server);
});

test('the token is never printed', async () => {
  const server = await gitHub();
  for (const permission of ['read', 'none'] as const) {
    server.permission = permission;
    for (const flag of ['--verbose', '--json']) {
      const { stdout, stderr, exitCode } = await runCommand(['publish', project, '--from', staged, flag], {
        env: workflow(server),
      });
      expect(exitCode).toBe(1);
      expect(stdout + stderr).toContain('octo/hello');
      expect(stdout + stderr).not.toContain(server.token);
    }
  }
  const broken = { ...workflow(server), GH_TOKEN: `${server.token}\nsecond-line` };
  const { stdout, stderr, exitCode } = await runCommand(['publish', project, '--from', staged, '--verbose'], {
    env: broken,
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('GH_TOKEN has characters in it that no token has');
  expect(stdout + stderr).not.toContain(server.token);
  await close(server);
});

test('a token of github.com is not for another server', async () => {
  const server = await gitHub();
  const env = { GH_TOKEN: server.token, GITHUB_SERVER_URL: 'https://github.com' };
  const { stderr, exitCode } = await runCommand(['publish', project, '--from', staged], { env });
  expect(exitCode).toBe(1);
  expect(stderr).toContain(
    `There is no token for ${server.place.url}: set GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN`,
  );
  expect(server.requests).toEqual([]);
  await close(server);
});

test('a workflow for the tag of another version is told so before anything else is looked at', async () => {
  const server = await gitHub();
  const { stderr, exitCode } = await runCommand(
    ['publish', project, '--from', path.join(staged, 'nowhere')],
    {
      env: { ...workflow(server, 'v1.3.0'), GH_TOKEN: '' },
    },
  );
  expect(exitCode).toBe(1);
  expect(stderr).toContain('The tag is v1.3.0, and that of hello 1.2.0 is v1.2.0.');
  expect(server.requests).toEqual([]);
  await close(server);
});
