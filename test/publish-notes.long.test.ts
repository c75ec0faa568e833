// examples/notes from its author to its users and back: published with faults, installed, updated while it serves, rolled back,
// uninstalled, each by the command that a person types.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { build, copyExample } from './support/examples.ts';
import { serveGitHub } from './support/github-server.ts';
import { addNote, ask, busy, keeping, notesOf, untilListening } from './support/load.ts';
import { openPublishingPlace, type Served } from './support/publishing.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, type Transcript, temporaryDirectory } from './support/run.ts';
import { freePort } from './support/services.ts';

const [OLD, NEW] = ['0.1.0', '0.2.0'];
const EXECUTABLE = `notes_${process.platform}-${process.arch}`;

/** The author's copy of the example, with a key of his own. */
let project: string;

beforeAll(async () => {
  project = await copyExample('notes');
  await edit('CHANGELOG.md', `## ${OLD}`, `## ${NEW}\n\n* Says ${NEW}.\n\n## ${OLD}`);
  await edit('src/server.ts', 'if (isClosing())', "reply.header('x-version', '');\n    if (isClosing())");
  await sarma(['keygen']);
});

/** Where the author publishes. */
interface Place {
  /** Publishes what was wrapped last. */
  readonly publish: () => Promise<void>;
  /** Of install.sh. */
  readonly installer: string;
  readonly env: Readonly<Record<string, string>>;
  /** What was downloaded since the last time. */
  readonly takeServed: () => readonly Served[];
}

async function openFolder(): Promise<Place> {
  const place = await openPublishingPlace();
  onTestFinished(place.close);
  const env = { NOTES_URL: place.url };
  const publish = async () => {
    const { stdout } = await sarma(['publish', '--to', place.folder], env);
    expect(stdout).toContain(`by: curl -fsSL ${place.url}install.sh | sh`);
  };
  return { publish, installer: `${place.url}install.sh`, env, takeServed: place.takeRequests };
}

const UPLOAD = 'repos/upload-release-asset';
const LIMIT = 'You have exceeded a secondary rate limit.';

/** Has the author's copy say so from now on: what publishes into a folder comes before. */
async function openGitHub(): Promise<Place> {
  const server = await serveGitHub({ repository: 'ann/notes' });
  onTestFinished(async () => {
    await server.close();
    expect(server.wrong).toEqual([]);
  });
  const config = { github: server.place };
  await edit('sarma.config.ts', 'url && { publish: { url }', `{ publish: ${JSON.stringify(config)}`);
  const page = `${server.place.url}/ann/notes/releases`;
  // What a workflow of another repository, which may run this test, would say.
  const env = { GITHUB_ACTIONS: '', GH_ENTERPRISE_TOKEN: server.token };
  const publish = async () => {
    server.fail('repos/create-release', { status: 502, message: 'Bad gateway' });
    server.fail(UPLOAD, { status: 403, message: LIMIT, headers: { 'retry-after': '1' } });
    server.fail(UPLOAD, { cutAfter: 1_000_000 });
    server.fail(UPLOAD, { wrongBytes: true });
    server.fail(UPLOAD, { slow: 1 }, 2);
    server.fail('repos/update-release', { status: 503, message: 'Service unavailable' });
    const { stdout } = await sarma(['publish'], env);
    for (const line of [
      'GitHub failed to create the release (502: Bad gateway)',
      'GitHub takes no more requests for now: going on in 1 s.',
      /: (read|write) E\w+\. Uploading it again\./,
      ': what arrived is not what was sent. Uploading it again.',
      'GitHub failed (503: Service unavailable)',
      `Published ${page}/tag/v`,
      `by: curl -fsSL ${page}/latest/download/install.sh | sh`,
    ])
      expect(stdout).toMatch(line);
  };
  return { publish, installer: `${page}/latest/download/install.sh`, env, takeServed: server.takeDownloads };
}

/** Somebody with an empty home, who types what follows into a shell. */
async function newcomer(port: number) {
  const home = path.join(await temporaryDirectory(), 'ann');
  await mkdir(home);
  const bin = path.join(home, '.local/bin');
  const unset = Object.keys(process.env).filter((name) => /^(XDG|RELEASE|SARMA|NOTES)_/.test(name));
  const env = {
    ...Object.fromEntries(unset.map((name) => [name, undefined])),
    ...{ HOME: home, PATH: `${bin}:${process.env.PATH}`, PORT: String(port) },
  };
  const type = async (line: string) => await run('sh', ['-c', line], { cwd: home, env });
  onTestFinished(async () => void (await type('notes stop --force')));
  return { home, bin, type };
}

test.skipIf(lacks('curl')).each([
  ['a folder that is served', openFolder],
  ['GitHub, which fails now and then', openGitHub],
])(
  'notes is published to %s, installed, updated while it serves, taken back and uninstalled',
  { timeout: 400_000 },
  async (_, open) => {
    const place = await open();
    const port = await freePort();
    const { home, bin, type } = await newcomer(port);
    const install = async (args = '') => await type(`curl -fsSL ${place.installer} | sh -s -- ${args}`);
    const say = async (line: string) => {
      const { exitCode, stdout, stderr } = await type(line);
      expect(exitCode, `${line}\n${stdout}${stderr}`).toBe(0);
      return stdout + stderr;
    };
    const file = path.join(bin, 'notes');

    await wrap(OLD, place);
    await place.publish();
    await wrap(NEW, place);
    expect((await install()).stdout).toContain(`notes ${OLD} is in ${bin} now`);
    expect(await say('notes maintenance update --check')).toBe(`notes ${OLD} is the newest.\n`);
    await say('notes daemon');
    const pid = await say('notes pid');

    const [idle, keep, once] = [keeping(), keeping(), new Agent()];
    const clients = {
      kept: busy((number) => addNote(port, keep, `kept ${number}`)),
      anew: busy((number) => addNote(port, once, `anew ${number}`)),
    };
    const expectServing = async (version: string) => {
      await Promise.all(Object.values(clients).map((client) => client.progress()));
      expect((await ask(port, idle, { path: '/api/notes/1' })).version).toBe(version);
    };
    await expectServing(OLD);

    await place.publish();
    await expectServing(OLD);
    expect(await type('notes maintenance update --check')).toMatchObject({
      stdout: `notes ${NEW} is there; this is ${OLD}. \`${file} maintenance update\` takes it.\n\n* Says ${NEW}.\n`,
      exitCode: 10,
    });
    const check = `(await import('@sarma/app')).checkForUpdate()`;
    expect(JSON.parse(await say(`notes rpc --json "${check}"`))).toMatchObject({
      ...{ current: OLD, version: NEW, isNewer: true, notes: `* Says ${NEW}.` },
    });

    place.takeServed();
    expect(await say('notes maintenance update')).toContain(`${file} is notes ${NEW} now`);
    const { size } = await stat(file);
    expect(bytesOf(place.takeServed())).toBeLessThan(size / 10);
    await expectServing(OLD);
    expect(await say('notes pid')).toBe(pid);
    expect(await say('notes versions')).toMatch(/^0\.2\.0 .* permanent\n0\.1\.0 +provisional, notes runs/);

    await say('notes upgrade');
    await expectServing(NEW);
    expect((await type('notes downgrade')).stderr).toContain('maintenance rollback` brings back');
    expect(await say('notes maintenance rollback')).toContain(`${file} is notes ${OLD} again`);
    await expectServing(NEW);
    await say('notes downgrade');
    await expectServing(OLD);

    for (const client of Object.values(clients)) await client.end();
    const written = Object.entries(clients).flatMap(([name, client]) =>
      client.acknowledged().map((number) => `${name} ${number}`),
    );
    expect((await notesOf(port)).toSorted()).toEqual(written.toSorted());
    // Each version has handed the one that was idle over to the next one.
    expect(idle.connections).toBe(1);

    expect((await install()).stdout).toContain(`notes ${NEW} is in ${bin} now`);
    place.takeServed();
    expect((await install()).stdout).toContain(`notes ${NEW} is in ${bin} already; nothing was changed.`);
    expect(place.takeServed().map((one) => path.basename(one.path))).not.toContain(EXECUTABLE);
    await say('notes restart');
    expect((await ask(port, once)).version).toBe(NEW);
    expect((await install(`--version ${OLD}`)).stdout).toContain(`notes ${OLD} is in ${bin} now`);

    expect(await install('--uninstall')).toMatchObject({
      stderr: expect.stringMatching(
        /it is running .*; stop it first\n.*\/notes stop` stops a node that runs/,
      ),
      exitCode: 1,
    });
    expect((await ask(port, once)).version).toBe(NEW);
    await say('notes stop');
    await say('notes service install --user');
    expect(await install('--uninstall')).toMatchObject({
      stderr: expect.stringContaining('/notes service uninstall --user` first. Nothing was removed.'),
      exitCode: 1,
    });
    await say('notes service uninstall --user');
    const state = path.join(home, '.local/state/notes');
    expect((await install('--uninstall')).stdout).toContain(
      `removed ${file}\nWhat it has kept stays: ${state}\n`,
    );
    expect((await filesBelow(home)).filter((name) => !name.startsWith(state))).toEqual([]);
    expect(existsSync(bin)).toBe(false);

    await install();
    await say('notes daemon');
    await untilListening(port);
    expect((await notesOf(port)).toSorted()).toEqual(written.toSorted());
    await say('notes stop');
  },
);

/** The version that says so of itself in every answer. */
async function wrap(version: string, { env }: Place): Promise<void> {
  await edit('package.json', /"version": "[^"]*"/, `"version": "${version}"`);
  await edit('src/server.ts', /'x-version', '[^']*'/, `'x-version', '${version}'`);
  await build(project, ['wrap', '-q', '--current', '--compression', 'fast'], env);
}

async function sarma(args: readonly string[], env = {}): Promise<Transcript> {
  const signing = { SARMA_SIGNING_KEY: path.join(project, 'release.key') };
  const said = await runCommand(args, { cwd: project, env: { ...signing, ...env } });
  expect(said.exitCode, said.stdout + said.stderr).toBe(0);
  return said;
}

async function edit(name: string, from: string | RegExp, to: string): Promise<void> {
  const file = path.join(project, name);
  const text = await readFile(file, 'utf8');
  expect(text).toMatch(from);
  await writeFile(
    file,
    text.replace(from, () => to),
  );
}

const bytesOf = (served: readonly Served[]) => served.reduce((sum, { bytes }) => sum + bytes, 0);

async function filesBelow(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found.filter((one) => !one.isDirectory()).map((one) => path.join(one.parentPath, one.name));
}
