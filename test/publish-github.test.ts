// `sarma publish` as a person calls it, to a GitHub on loopback that answers as GitHub's API is described.
import { chmod, cp, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GitHubServer, type GitHubServerOptions, serveGitHub } from './support/github-server.ts';
import { writeFiles } from './support/programs.ts';
import { run, runCommand, type Transcript, temporaryDirectory, wrapCommand } from './support/run.ts';

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
async function gitHub(options?: GitHubServerOptions): Promise<GitHubServer> {
  const server = await serveGitHub(options);
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

test('a version that was staged for another tag is not published by this one', async () => {
  const server = await gitHub();
  const config = { publish: { github: server.place, tag: 'release-{version}' } };
  await writeFile(path.join(project, 'sarma.config.json'), JSON.stringify(config));
  const { stderr, exitCode } = await runCommand(['publish', project, '--from', staged], {
    env: workflow(server, 'release-1.2.0'),
  });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /was staged for the tag v1\.2\.0, .* and publish\.tag makes it release-1\.2\.0 now\./,
  );
  expect(server.releases).toEqual([]);
  await close(server);
});

test('an Enterprise server is the one of the workflow, and what it gave is not sent to github.com', async () => {
  const server = await gitHub();
  await writeFile(path.join(project, 'sarma.config.json'), '{}');
  const { url, api, repository } = server.place;
  const env = { ...workflow(server), GH_TOKEN: undefined, GITHUB_TOKEN: server.token, GITHUB_API_URL: api };
  const args = ['publish', project, '--from', staged];
  const { stdout, stderr, exitCode } = await runCommand([...args, '--github', repository], { env });
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toContain(`Published ${url}/${repository}/releases/tag/v1.2.0`);

  await writeFile(
    path.join(project, 'sarma.config.json'),
    JSON.stringify({ publish: { github: repository } }),
  );
  const elsewhere = await runCommand(args, { env });
  expect(elsewhere.exitCode).toBe(1);
  expect(elsewhere.stderr).toContain('There is no token for https://github.com: set GH_TOKEN to one');
  await close(server);
});

test('--draft without GitHub is said to mean nothing', async () => {
  const to = await temporaryDirectory();
  const { stderr, exitCode } = await runCommand(['publish', project, '--draft', '--to', to]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('--draft is for a release on GitHub, and this is none');
  expect(await readdir(to)).toEqual([]);
});

test('what package managers want is written of a draft that was downloaded, too', async () => {
  const server = await gitHub();
  const config = { publish: { github: server.place, npm: true } };
  await writeFile(path.join(project, 'sarma.config.json'), JSON.stringify(config));
  const from = await temporaryDirectory();
  await cp(staged, from, { recursive: true });
  for (const name of await readdir(from)) await chmod(path.join(from, name), 0o644);
  const packagers = path.join(project, 'burrito_out/publish/packagers/hello');
  await rm(packagers, { recursive: true });
  const { exitCode, stderr } = await runCommand(['publish', project, '--from', from], {
    env: workflow(server),
  });
  expect(exitCode, stderr).toBe(0);
  const target = `linux-${process.arch}`;
  expect(await readdir(packagers)).toEqual(['homebrew', 'npm']);
  const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
  const started = await run(path.join(packagers, `npm/hello-${target}/bin/hello`), [], { env });
  expect(started.stdout).toBe('hello\n');
  await close(server);
});

describe('from a Git repository', () => {
  /** The project with a commit in it, cloned from there. */
  async function cloneOf(repository: string): Promise<string> {
    const git = async (...args: string[]) => {
      const who = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.org'];
      return (await execa('git', [...who, ...args], { cwd: project })).stdout;
    };
    await rm(path.join(project, '.git'), { recursive: true, force: true });
    await git('init', '--quiet');
    await git('remote', 'add', 'origin', `git@work:${repository}.git`);
    await git('add', 'package.json', 'README.md');
    await git('commit', '--quiet', '--message', 'First');
    return await git('rev-parse', 'HEAD');
  }
  const env = ({ token }: GitHubServer) => ({ GH_ENTERPRISE_TOKEN: token, GITHUB_ACTIONS: undefined });

  test('of another repository, the tag is made at the newest commit of the one with the releases', async () => {
    const server = await gitHub({ commits: [] });
    await cloneOf('ann/source');
    const { stdout, stderr, exitCode } = await runCommand(['publish', project], { env: env(server) });
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(
      /is not a clone of octo\/hello: a tag that is not there yet is made at the newest commit/,
    );
    expect(server.releases).toMatchObject([{ draft: false, target_commitish: 'main' }]);
    await close(server);
  });

  test('a commit that was not pushed is told before anything is staged; one with changes beside it, with a warning', async () => {
    const server = await gitHub({ commits: [] });
    const commit = await cloneOf('Octo/Hello');
    await writeFile(path.join(project, 'README.md'), '# changed\n');
    const { stdout, stderr, exitCode } = await runCommand(['publish', project], { env: env(server) });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `Changes that are not committed (README.md) are not in ${commit.slice(0, 12)}, to which the tag leads.`,
    );
    expect(stderr).toContain(`The commit that was built, ${commit}, is not at`);
    expect(stdout).not.toContain('is whole');
    await close(server);
  });
});
