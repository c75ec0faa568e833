// Root upgrades the service of another user (docs/release.md, "Versions"): who owns the place where versions lie may
// exchange what is there at any moment, so nothing of it may be run with root's rights.
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { lacks } from './support/requirements.ts';
import { type BuiltVersion, changed, refused, twoVersions } from './support/service-versions.ts';
import { type Installed, say, startNode, withEnv } from './support/services.ts';

let first: BuiltVersion;
let second: BuiltVersion;

beforeAll(async () => {
  ({ first, second } = await twoVersions());
});

/** `nobody`, the service's user. */
const USER = 65534;

/** The release as that user's service manager starts it. */
async function asUser(one: Installed, folder: string): Promise<Installed> {
  const command = path.join(folder, 'as-user');
  const words = `setpriv --reuid=${USER} --regid=${USER} --clear-groups '${one.command}'`;
  await writeFile(command, `#!/bin/sh\nHOME=/nowhere WHO=/dev/null exec ${words} "$@"\n`, { mode: 0o755 });
  return { ...one, command };
}

/** Where that user may look, and a home that only root may. */
async function place(): Promise<{ readonly folder: string; readonly home: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sarma-owner-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const home = path.join(folder, 'root');
  await mkdir(home, { mode: 0o700 });
  return { folder, home };
}

/** What the hook of 0.2.0, and `recorded` programs, were run as: a line each. */
async function record(folder: string): Promise<{ readonly file: string; users(): Promise<Set<string>> }> {
  const file = path.join(folder, 'who');
  await writeFile(file, '');
  await chmod(file, 0o666);
  return { file, users: async () => new Set((await readFile(file, 'utf8')).trim().split('\n')) };
}

describe.skipIf(lacks('root', 'setpriv'))('root upgrades a service of another user', () => {
  test('of an executable with the rights of that user, from a file that only root can read', async () => {
    const { folder, home } = await place();
    const program = path.join(folder, 'tick');
    await copyFile(first.executable, program);
    const state = path.join(folder, 'state');
    await mkdir(state);
    await chown(state, USER, USER);
    const who = await record(folder);
    const env = { HOME: home, XDG_CACHE_HOME: '', XDG_RUNTIME_DIR: '', RELEASE_MUTABLE_DIR: state };
    const one: Installed = { command: program, env: { ...env, WHO: who.file }, state };
    await startNode(await asUser(one, folder));
    const next = path.join(home, 'tick-0.2.0');
    await copyFile(second.executable, next);
    await chmod(program, 0o775);
    expect(await say(one, 'upgrade', next)).toMatch(/tick is 0\.2\.0 now \(PID \d+\)\.$/);
    expect((await execa('find', [home, '-name', 'tick-0.2.0-*'])).stdout).toBe('');
    expect(await say(one, 'version')).toBe('tick 0.2.0');
    expect(await stat(program)).toMatchObject({ uid: 0, mode: 0o100775 });
    expect(await who.users()).toEqual(new Set([`${USER}`]));
    const others = await execa('find', [state, '!', '-uid', `${USER}`]);
    expect(others.stdout).toBe('');
    // What that user may have exchanged does not take the place of root's file.
    expect(await say(one, 'downgrade')).toContain('It is provisional: the next start gives 0.2.0.');
    expect(await say(one, 'version')).toBe('tick 0.2.0');
    await say(one, 'stop');
    expect(await say(one, 'remove', '0.1.0')).toBe('tick 0.1.0 is removed.');
  });

  test('of a directory, whose own programs that user may have exchanged', async () => {
    const { folder, home } = await place();
    const who = await record(folder);
    const recorded = (script: Buffer) => `#!/bin/sh\nid -u >>"$WHO"\n${script.toString()}`;
    const root = path.join(folder, 'release');
    // Not linked to what others have: it changes its owner.
    await execa('cp', ['-a', await changed(first, 'bin/tick', recorded), root]);
    await execa('chown', ['-R', `${USER}:${USER}`, root]);
    const env = { HOME: home, XDG_RUNTIME_DIR: '', RELEASE_MUTABLE_DIR: path.join(root, 'var') };
    const theirs: Installed = { command: path.join(root, 'bin/tick'), env, state: path.join(root, 'var') };
    await startNode(await asUser(theirs, folder));
    const next = await changed(second, 'bin/tick', recorded);
    const one = withEnv({ ...theirs, command: path.join(first.directory, 'bin/tick') }, { WHO: who.file });
    // What is a directory has to be read by that user.
    expect(await refused(one, 'upgrade', next)).toMatch(
      /EACCES.* Root does this as the user whom .* belongs to/,
    );
    const readable = path.join(folder, 'next');
    await execa('mv', [next, readable]);
    expect(await say(one, 'upgrade', readable)).toContain('tick is 0.2.0 now');
    expect(await who.users()).toEqual(new Set([`${USER}`]));
    const others = await execa('find', [root, '!', '-uid', `${USER}`]);
    expect(others.stdout).toBe('');
    await say(withEnv(one, { WHO: '/dev/null' }), 'stop');
  });
});
