// The steps of the workflow that `sarma init --github-actions` writes, run one after the other against a GitHub on loopback.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hostTarget, loadTargets } from '@sarma/wrapper';
import { execa } from 'execa';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type GitHubServer, serveGitHub } from './support/github-server.ts';
import { writeFiles } from './support/programs.ts';
import { runCommand, temporaryDirectory } from './support/run.ts';

const SARMA = path.resolve(import.meta.dirname, '../packages/cli/bin/sarma.js');
const target = hostTarget(await loadTargets(import.meta.dirname)).name;

interface Step {
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

let server: GitHubServer;
afterEach(async () => {
  await server.close();
  expect(server.wrong).toEqual([]);
});

/** Runs the steps of a job; resolves to what they said. */
type RunJob = (name: 'draft' | 'smoke' | 'publish') => Promise<{ exitCode: number; said: string }>;

/** A repository with a program, its key and its workflow, for which a tag was pushed. */
async function pushed(tag: string): Promise<RunJob> {
  server = await serveGitHub({ repository: 'octo/it' });
  const directory = await temporaryDirectory();
  await mkdir(path.join(directory, '.git'));
  await writeFiles(directory, {
    'package.json': JSON.stringify({ name: 'it', version: '1.2.0', bin: 'it.js' }),
    'it.js': "console.log('it', ...process.argv.slice(2));",
    'sarma.config.mjs': `export default {
      runtime: { version: '${process.versions.node}' },
      wrap: { compression: 'fast' },
      publish: { github: ${JSON.stringify(server.place)} },
      update: { publicKey: 'release.pub' },
    };`,
  });
  await runCommand(['init', directory, '--github-actions']);
  await runCommand(['keygen', 'release.key'], { cwd: directory });
  const key = await readFile(path.join(directory, 'release.key'), 'utf8');
  const workflow = parse(await readFile(path.join(directory, '.github/workflows/release.yml'), 'utf8'));
  const values: Readonly<Record<string, string>> = {
    'github.token': server.token,
    'secrets.SARMA_SIGNING_KEY': key,
    'secrets.SARMA_SIGNING_KEY_PASSWORD': '',
  };
  const given = {
    ...{ GITHUB_ACTIONS: 'true', GITHUB_SERVER_URL: server.place.url, GITHUB_REPOSITORY: 'octo/it' },
    ...{ GITHUB_REF_TYPE: 'tag', GITHUB_REF_NAME: tag, GITHUB_SHA: 'c'.repeat(40) },
    ...{ CI: 'true', SARMA_TARGET: target, TARGET: target, SMOKE: workflow.env.SMOKE },
    PATH: `${await stoodIn(server.place.api)}${path.delimiter}${process.env.PATH}`,
  };
  return async (name) => {
    const cwd = name === 'smoke' ? await temporaryDirectory() : directory;
    const RUNNER_TEMP = await temporaryDirectory();
    const all = { ...given, RUNNER_TEMP, SARMA_CACHE_DIR: await temporaryDirectory() };
    let said = '';
    for (const { run, env = {} } of workflow.jobs[name].steps as readonly Step[]) {
      if (run === undefined || run === 'npm ci') continue;
      const resolved = Object.entries(env).map(([variable, text]) => [
        variable,
        text.replaceAll(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => values[expression]!),
      ]);
      const shell = ['--noprofile', '--norc', '-eo', 'pipefail', '-c', run];
      const options = {
        cwd,
        env: { ...all, ...Object.fromEntries(resolved) },
        reject: false,
        all: true,
      } as const;
      const ended = await execa('bash', shell, options);
      said += `${ended.all}\n`;
      if (ended.exitCode !== 0) return { exitCode: ended.exitCode ?? -1, said };
    }
    for (const secret of [server.token, key.split('\n')[1]!]) expect(said).not.toContain(secret);
    return { exitCode: 0, said };
  };
}

/** `npx --no-install sarma` is the one that is tested, and `gh release download`, which wants https, asks the server without. */
async function stoodIn(api: string): Promise<string> {
  const folder = await temporaryDirectory();
  const npx = `#!/bin/sh\n[ "$1 $2" = "--no-install sarma" ] && shift 2 && exec '${process.execPath}' '${SARMA}' "$@"\n`;
  const gh = `#!${process.execPath}
const { writeFileSync, mkdirSync, globSync } = require('node:fs');
const path = require('node:path');
const { values, positionals } = require('node:util').parseArgs({
  allowPositionals: true,
  options: { repo: { type: 'string' }, dir: { type: 'string', default: '.' }, pattern: { type: 'string', multiple: true, default: ['*'] } },
});
const [what, how, tag] = positionals;
if (what + how !== 'releasedownload') throw new Error(what + ' ' + how);
const ask = async (url, accept) => {
  const answer = await fetch(url, { headers: { accept, authorization: 'Bearer ' + process.env.GH_TOKEN } });
  if (!answer.ok) throw new Error(url + ': ' + answer.status);
  return answer;
};
(async () => {
  const releases = await (await ask('${api}/repos/' + values.repo + '/releases', 'application/json')).json();
  const { assets } = releases.find((one) => one.tag_name === tag);
  mkdirSync(values.dir, { recursive: true });
  for (const { name, url } of assets) {
    if (!values.pattern.some((pattern) => path.matchesGlob(name, pattern))) continue;
    const bytes = await (await ask(url, 'application/octet-stream')).arrayBuffer();
    writeFileSync(path.join(values.dir, name), Buffer.from(bytes));
  }
})();
`;
  await writeFile(path.join(folder, 'npx'), npx, { mode: 0o755 });
  await writeFile(path.join(folder, 'gh'), gh, { mode: 0o755 });
  return folder;
}

const releases = () =>
  server.releases.map(({ tag_name: tag, draft, assets }) => ({ tag, draft, assets: assets.length > 0 }));

describe.skipIf(process.platform === 'win32')('the workflow of a tag', () => {
  test('drafts, starts what was drafted, and publishes that', async () => {
    const job = await pushed('v1.2.0');
    expect(await job('draft')).toMatchObject({ exitCode: 0 });
    expect(releases()).toEqual([{ tag: 'v1.2.0', draft: true, assets: true }]);
    const drafted = structuredClone(server.releases[0]!.assets);
    const smoke = await job('smoke');
    expect(smoke).toMatchObject({ exitCode: 0, said: expect.stringContaining('it --version') });
    expect(releases()).toEqual([{ tag: 'v1.2.0', draft: true, assets: true }]);
    expect(await job('publish')).toMatchObject({ exitCode: 0 });
    expect(releases()).toEqual([{ tag: 'v1.2.0', draft: false, assets: true }]);
    expect(server.releases[0]!.assets).toEqual(drafted);
  });

  test('stops at a version that is not the tagged one', async () => {
    const job = await pushed('v1.3.0');
    const draft = await job('draft');
    expect(draft.exitCode).toBe(1);
    expect(draft.said).toMatch(/v1\.3\.0/);
    expect(releases()).toEqual([]);
  });
});
