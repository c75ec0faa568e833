import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { NodeRecord } from '../src/control/node-record.ts';
import { type TestRelease, testRelease } from './support/release.ts';

const demo = (directory?: string) =>
  testRelease({
    ...(directory === undefined ? {} : { directory }),
    applications: ['demo'],
    files: { 'lib/demo/application.mjs': `export default { start() { console.log('ready'); } };` },
  });

const state = (release: TestRelease, ...names: string[]) => path.join(release.root, 'var', ...names);

const recordOf = (release: TestRelease, node = 'demo'): NodeRecord =>
  JSON.parse(readFileSync(state(release, 'nodes', `${node}.json`), 'utf8'));

const mode = (file: string) => (lstatSync(file).mode & 0o777).toString(8);

describe('one node of a name', () => {
  test('a second start is refused and says which PID has the name; the first runs on', async () => {
    const release = await demo();
    const { child } = await release.start('ready');
    const second = await release.run(['start']);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(
      new RegExp(`^demo: demo runs already \\(PID ${child.pid}, since 2.*RELEASE_NODE`),
    );
    expect((await release.run(['ping'])).stdout).toBe('pong\n');
    expect(readdirSync(state(release, 'nodes'))).toHaveLength(2);
  });

  test('nodes of other names run beside it from the same install', async () => {
    const release = await demo();
    const first = await release.start('ready');
    const second = await release.start('ready', { env: { RELEASE_NODE: 'demo2' } });
    expect((await release.run(['pid'])).stdout).toBe(`${first.child.pid}\n`);
    expect((await release.run(['pid'], { env: { RELEASE_NODE: 'demo2' } })).stdout).toBe(
      `${second.child.pid}\n`,
    );
    await release.run(['stop']);
    expect((await release.run(['ping'], { env: { RELEASE_NODE: 'demo2' } })).stdout).toBe('pong\n');
  });

  test('with RELEASE_DISTRIBUTION=none too, where nobody answers', async () => {
    const release = await demo();
    const env = { RELEASE_DISTRIBUTION: 'none' };
    const { child } = await release.start('ready', { env });
    expect((await release.run(['start'], { env })).stderr).toContain(`demo runs already (PID ${child.pid}`);
    expect((await release.run(['start'])).stderr).toContain(`demo runs already (PID ${child.pid}`);
    expect(existsSync(state(release, 'cookie'))).toBe(false);
    expect(await release.run(['ping'])).toMatchObject({
      code: 1,
      stdout: 'pang\n',
      stderr: `demo: demo runs (PID ${child.pid}) with RELEASE_DISTRIBUTION=none and takes no commands. SIGTERM stops it: kill ${child.pid}\n`,
    });
    expect((await release.run(['pid'])).stdout).toBe(`${child.pid}\n`);
  });

  test('a node that was killed leaves its socket and record; the next start takes its place', async () => {
    const release = await demo();
    const killed = await release.start('ready');
    killed.child.kill('SIGKILL');
    await killed.ended;
    const dead = recordOf(release);
    expect(existsSync(dead.socket)).toBe(true);
    expect(await release.run(['ping'])).toMatchObject({ code: 1, stdout: 'pang\n' });
    const { child } = await release.start('ready');
    expect(recordOf(release).pid).toBe(child.pid);
    expect(readdirSync(state(release, 'nodes')).sort()).toEqual(
      [path.basename(recordOf(release).socket), 'demo.json'].sort(),
    );
  });

  test('its PID decides nothing: another process that has it by now does not keep the node from starting', async () => {
    const release = await demo();
    mkdirSync(state(release, 'nodes'), { recursive: true, mode: 0o700 });
    const record = {
      id: 'dead',
      node: 'demo',
      pid: process.pid,
      socket: state(release, 'nodes/dead.sock'),
      started: '',
    };
    writeFileSync(state(release, 'nodes/demo.json'), JSON.stringify(record), { mode: 0o600 });
    const { child } = await release.start('ready');
    expect(recordOf(release).pid).toBe(child.pid);
  });

  test('a record that a power loss has emptied does not keep it from starting', async () => {
    const release = await demo();
    mkdirSync(state(release, 'nodes'), { recursive: true, mode: 0o700 });
    writeFileSync(state(release, 'nodes/demo.json'), '', { mode: 0o600 });
    await release.start('ready');
    expect((await release.run(['ping'])).stdout).toBe('pong\n');
  });

  test('a link to nowhere in the place of its record is refused, and nothing hangs', async () => {
    const release = await demo();
    mkdirSync(state(release, 'nodes'), { recursive: true, mode: 0o700 });
    symlinkSync('/nowhere/at/all', state(release, 'nodes/demo.json'));
    expect(await release.run(['start'])).toMatchObject({
      code: 1,
      stderr: `demo: ${state(release, 'nodes/demo.json')} can neither be read nor replaced. Remove it.\n`,
    });
    expect(readdirSync(state(release, 'nodes'))).toEqual(['demo.json']);
  });

  test('an orderly end and a failed start leave nothing behind', async () => {
    const release = await testRelease({
      applications: ['demo'],
      files: {
        'lib/demo/application.mjs': `export default { start() { if (process.env.FAIL) throw new Error('no'); console.log('ready'); } };`,
      },
    });
    const { child, ended } = await release.start('ready');
    child.kill('SIGTERM');
    await ended;
    expect(readdirSync(state(release, 'nodes'))).toEqual([]);
    expect((await release.run(['start'], { env: { FAIL: '1' } })).code).toBe(1);
    expect(readdirSync(state(release, 'nodes'))).toEqual([]);
  });
});

describe('starts at the same time', () => {
  // Claims and says so, then waits to be killed or told again: what stands before the applications, twenty times at once.
  const claimer = fileURLToPath(new URL('support/claimer.ts', import.meta.url));

  const claimers = async (directory: string, count: number) => {
    const children = Array.from({ length: count }, () =>
      spawn(process.execPath, ['--conditions=@sarma/source', claimer, directory], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    onTestFinished(() => {
      for (const child of children) child.kill('SIGKILL');
    });
    await Promise.all(children.map((child) => once(child.stdout, 'data'))); // loaded
    return children;
  };

  test('of twenty exactly one wins, on an empty directory and on what a dead one left, again and again', async () => {
    const release = await demo();
    const directory = state(release);
    let children = await claimers(directory, 20);
    for (let round = 0; round < 6; round += 1) {
      const words = children.map((child) => once(child.stdout, 'data'));
      for (const child of children) child.stdin.write('go\n');
      const said = (await Promise.all(words)).map(([word]) => String(word).trim());
      expect(said.filter((line) => line === 'won')).toHaveLength(1);
      expect(said.filter((line) => line !== 'won')).toEqual(Array(19).fill('ALREADY_RUNNING'));
      const winner = children[said.indexOf('won')]!;
      expect(recordOf(release).pid).toBe(winner.pid);
      winner.kill('SIGKILL');
      await once(winner, 'exit');
      const others = children.filter((child) => child !== winner);
      children = [...others, ...(await claimers(directory, 1))];
    }
    // The dead one's record and socket, and nothing of the hundred that lost.
    expect(readdirSync(path.join(directory, 'nodes'))).toHaveLength(2);
  });

  test('agree on one cookie', async () => {
    const release = await demo();
    const nodes = ['a', 'b', 'c', 'd'];
    await Promise.all(nodes.map((node) => release.start('ready', { env: { RELEASE_NODE: node } })));
    const pings = await Promise.all(
      nodes.map((node) => release.run(['ping'], { env: { RELEASE_NODE: node } })),
    );
    expect(pings.map(({ stdout }) => stdout)).toEqual(nodes.map(() => 'pong\n'));
  });
});

describe('where things lie', () => {
  test('cookie, records and sockets are for this user alone, whatever the umask', async () => {
    const release = await demo();
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    await release.start('ready');
    expect(mode(state(release, 'cookie'))).toBe('600');
    expect(readFileSync(state(release, 'cookie'), 'utf8')).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(mode(state(release, 'nodes'))).toBe('700');
    expect(mode(state(release, 'nodes/demo.json'))).toBe('600');
    expect(mode(recordOf(release).socket)).toBe('700');
    expect(recordOf(release)).toMatchObject({ node: 'demo', version: '0.1.0', distribution: 'sname' });
  });

  test('where the state directory has a path too long for a socket, it lies in a private directory elsewhere', async () => {
    const release = await demo();
    const env = { RELEASE_MUTABLE_DIR: path.join(release.root, 'l'.repeat(100)), TMPDIR: release.root };
    await release.start('ready', { env });
    const { socket } = JSON.parse(
      readFileSync(path.join(env.RELEASE_MUTABLE_DIR, 'nodes/demo.json'), 'utf8'),
    );
    const directory = path.join(release.root, `sarma-${process.geteuid!()}`);
    expect(path.dirname(socket)).toBe(directory);
    expect(mode(directory)).toBe('700');
    // Whoever asks may have other directories: the record says where it is.
    const { TMPDIR, ...other } = env;
    expect(TMPDIR).toBe(release.root);
    expect((await release.run(['ping'], { env: other })).stdout).toBe('pong\n');
    expect((await release.run(['start'], { env: other })).stderr).toContain('runs already');
  });

  // Only root can make one that belongs to somebody else.
  test.skipIf(process.geteuid?.() !== 0)(
    'a directory that somebody else made there is passed by',
    async () => {
      const release = await demo();
      const planted = path.join(release.root, `sarma-${process.geteuid!()}`);
      const runtime = path.join(release.root, 'run');
      mkdirSync(planted);
      mkdirSync(path.join(runtime, 'sarma'), { recursive: true });
      execFileSync('chown', ['nobody', planted, path.join(runtime, 'sarma')]);
      const env = {
        RELEASE_MUTABLE_DIR: path.join(release.root, 'l'.repeat(100)),
        TMPDIR: release.root,
        XDG_RUNTIME_DIR: runtime,
      };
      await release.start('ready', { env });
      const { socket } = JSON.parse(
        readFileSync(path.join(env.RELEASE_MUTABLE_DIR, 'nodes/demo.json'), 'utf8'),
      );
      expect(path.dirname(socket)).toBe(`/tmp/sarma-${process.geteuid!()}`);
    },
  );

  test('with RELEASE_READ_ONLY nothing is written to the state directory, and commands still find the node', async () => {
    const release = await demo();
    const mutable = path.join(release.root, 'fixed');
    mkdirSync(mutable);
    const env = { RELEASE_READ_ONLY: 'true', RELEASE_MUTABLE_DIR: mutable, XDG_RUNTIME_DIR: release.root };
    await release.start('ready', { env });
    expect((await release.run(['ping'], { env })).stdout).toBe('pong\n');
    expect((await release.run(['start'], { env })).stderr).toContain('runs already');
    expect((await release.run(['stop'], { env })).code).toBe(0);
    expect(readdirSync(mutable)).toEqual([]);
    expect(readdirSync(path.join(release.root, 'sarma'))).toHaveLength(1);
  });

  test('with RELEASE_READ_ONLY a directory that others can write to is believed by nobody', async () => {
    const release = await demo();
    const env = { RELEASE_READ_ONLY: 'true', XDG_RUNTIME_DIR: release.root };
    const { child, ended } = await release.start('ready', { env });
    const user = path.join(release.root, 'sarma');
    const [own] = readdirSync(user);
    for (const directory of [user, path.join(user, own!), path.join(user, own!, 'nodes')]) {
      expect(mode(directory)).toBe('700');
      chmodSync(directory, 0o777);
      for (const command of ['ping', 'pid', 'start'])
        expect((await release.run([command], { env })).stderr).toContain(
          `demo: ${directory} can be written to by other users;`,
        );
      chmodSync(directory, 0o700);
    }
    child.kill();
    await ended;
  });

  // Only root can make one that belongs to somebody else.
  test.skipIf(process.geteuid?.() !== 0)('with RELEASE_READ_ONLY one of another user, too', async () => {
    const release = await demo();
    const env = { RELEASE_READ_ONLY: 'true', XDG_RUNTIME_DIR: release.root };
    const planted = path.join(release.root, 'sarma');
    mkdirSync(planted);
    execFileSync('chown', ['nobody', planted]);
    chmodSync(planted, 0o777);
    for (const command of ['ping', 'start'])
      expect((await release.run([command], { env })).stderr).toContain(`${planted} belongs to another user`);
    expect(readdirSync(planted)).toEqual([]);
  });

  // root may write everywhere.
  test.skipIf(process.geteuid?.() !== 0)(
    'with RELEASE_READ_ONLY and RELEASE_DISTRIBUTION=none a node needs no place that it can write to',
    async () => {
      const release = await demo(tmpdir());
      const nowhere = path.join(release.root, 'nowhere');
      mkdirSync(nowhere, { mode: 0o555 });
      chmodSync(release.root, 0o755);
      const env = {
        RELEASE_READ_ONLY: 'true',
        RELEASE_DISTRIBUTION: 'none',
        RELEASE_MUTABLE_DIR: nowhere,
        TMPDIR: nowhere,
      };
      const { child, ended } = await release.start('ready', { env, uid: 65534 });
      child.kill();
      expect(await ended).toMatchObject({ code: 0, stderr: '' });
      expect(readdirSync(nowhere)).toEqual([]);
    },
  );

  test('a client command makes nothing', async () => {
    const release = await demo();
    for (const command of ['ping', 'pid', 'stop', 'remote', 'restart']) {
      expect((await release.run([command])).code).toBe(1);
    }
    expect(existsSync(state(release))).toBe(false);
    expect(statSync(release.root).isDirectory()).toBe(true);
  });
});
