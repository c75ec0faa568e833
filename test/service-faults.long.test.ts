// A finished service, and what can go wrong around it: docs/release.md, "Bad input" and "Commands".
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { faultyService, SETTINGS } from './support/faulty.ts';
import { differences, installsIn, listing } from './support/installs.ts';
import type { Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, temporaryDirectory } from './support/run.ts';
import { sealedMachine } from './support/sealed.ts';
import { ask, type Installed, installed, startNode } from './support/services.ts';

let project: string;
/** Executables of 1.0.0 and 2.0.0. */
let first: string;
let second: string;

beforeAll(async () => {
  project = await copyOf(await faultyService());
  first = await wrapped('1.0.0', { TRY_IT: 'yes' });
  second = await wrapped('2.0.0');
});

/** Others may have the project, too; this one is built again and again. */
async function copyOf({ directory }: Program): Promise<string> {
  const copy = path.join(await temporaryDirectory(), 'project');
  await cp(directory, copy, { recursive: true, verbatimSymlinks: true });
  const link = 'node_modules/@sarma/app';
  await rm(path.join(copy, link));
  await symlink(await realpath(path.join(directory, link)), path.join(copy, link));
  return copy;
}

const TARGET = `${process.platform}-${process.arch}`;

async function wrapped(version: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  await sarma(['wrap', '--current', '--release-version', version], env);
  const file = path.join(await temporaryDirectory(), 'faulty');
  await rename(path.join(project, `burrito_out/faulty_${TARGET}`), file);
  return file;
}

async function sarma(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { exitCode, stdout, stderr } = await runCommand([...args, '--runtime', process.versions.node], {
    cwd: project,
    env: { ...SETTINGS, ...env },
  });
  expect(exitCode, stdout + stderr).toBe(0);
}

/** A release of its own, with everything that it needs to start. */
async function own(env: Readonly<Record<string, string>> = {}, command = first): Promise<Installed> {
  const one = await installed(command);
  return { ...one, env: { ...one.env, ...SETTINGS, ...env } };
}

const nodesOf = async ({ state }: Installed): Promise<readonly string[]> =>
  await readdir(path.join(state, 'nodes')).catch(() => []);

/** The words of a node, without the lines of its hooks. */
const lines = (printed: string) => printed.split('\n').filter((line) => !/^(hook |$)/.test(line));

describe('nothing starts, exit code 1,', () => {
  const refuses = async (env: Readonly<Record<string, string>>, says: RegExp) => {
    const one = await own(env);
    const { exitCode, stdout, stderr } = await ask(one, ['start']);
    expect(stderr).toMatch(says);
    expect(stdout).not.toContain('started');
    expect(exitCode).toBe(1);
    expect(await nodesOf(one)).toEqual([]);
    return { stdout, stderr };
  };

  test('where a config provider throws: it is named, with the stack', async () => {
    const { stderr } = await refuses(
      { VAULT: 'sealed' },
      /^faulty: Config provider config\/vault\.ts failed\.\n/,
    );
    expect(stderr).toMatch(/Error: the vault is sealed: secret\/faulty\n {4}at .*config\/vault\.js/);
  });

  test('where required variables are missing: all of them in one sentence', async () => {
    await refuses(
      { FAULTY_KEY: '', FAULTY_HOST: '' },
      /^faulty: FAULTY_KEY and one of FAULTY_URL, FAULTY_HOST must be set in the environment of faulty\. Set, but empty: FAULTY_KEY, FAULTY_HOST\.\n$/,
    );
  });

  test.each([
    ['pre_configure', ['pre_configure']],
    ['post_configure', ['pre_configure', 'post_configure']],
    ['pre_start', ['pre_configure', 'post_configure', 'pre_start']],
  ])('where the hook %s fails: it is named, and none behind it runs', async (name, ran) => {
    const { stdout, stderr } = await refuses({ HOOK_FAILS: name }, /^faulty: Hook /);
    expect(stderr).toBe(`faulty: Hook ${name} (releases/1.0.0/hooks/${name}.sh) failed with exit code 1.\n`);
    expect(stdout).toBe(ran.map((hook) => `hook ${hook} faulty\n`).join(''));
  });

  test('where the state directory is a file: a sentence that names the variable', async () => {
    const file = path.join(await temporaryDirectory(), 'file');
    await writeFile(file, '');
    await refuses({ RELEASE_MUTABLE_DIR: path.join(file, 'state') }, onlySentence('RELEASE_MUTABLE_DIR'));
  });

  test.skipIf(lacks('mounts'))(
    'where the state directory is full: a sentence, and no half a cookie',
    async () => {
      const machine = await sealedMachine(first);
      const { stdout, stderr } = await machine.shell(`
      ${exportSettings} RELEASE_MUTABLE_DIR=/tmp/full/state HOME=/root
      ./app version
      mkdir /tmp/full
      for blocks in 3 4; do
        mount -t tmpfs -o size=16k tmpfs /tmp/full
        head -c $((blocks * 4096)) /dev/zero >/tmp/full/fill
        ./app start >/dev/null || echo "exit code $?"
        find /tmp/full -type f ! -name fill
      done`);
      expect(stdout).toBe('faulty 1.0.0\nexit code 1\nexit code 1\n');
      const sentence = expect.stringMatching(
        /^faulty: .*ENOSPC.* RELEASE_MUTABLE_DIR names another directory\.$/,
      );
      expect(stderr.trim().split('\n')).toEqual([sentence, sentence]);
    },
  );
});

const onlySentence = (word: string) => new RegExp(`^faulty: [^\\n]*${word}[^\\n]*\\.\\n$`);
const exportSettings = `export ${Object.entries(SETTINGS)
  .map(([name, value]) => `${name}=${value}`)
  .join(' ')}`;

describe('an application that', () => {
  test('finds its port in use: a sentence; what had started stops in reverse, exit code 1', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as { port: number };
    const one = await own({ LISTENS: 'faulty', PORT: String(port) });
    const { exitCode, stdout, stderr } = await ask(one, ['start']);
    expect(stderr).toMatch(onlySentence(`faulty could not start: port ${port} of 127.0.0.1 is in use`));
    expect(lines(stdout)).toEqual(['store started {}', 'extra started {}', 'extra stopped', 'store stopped']);
    expect(exitCode).toBe(1);
    expect(await nodesOf(one)).toEqual([]);
  });

  test.each([
    ['permanent', 'faulty', undefined, 0],
    ['permanent', 'faulty', 'no more work', 1],
    ['transient', 'store', 'lost its disk', 1],
  ])('is %s and ends (%s, reason: %s) ends the node', async (_mode, name, reason, code) => {
    const one = await own();
    const node = await startNode(one);
    await ask(one, ['rpc', `end.${name}(${JSON.stringify(reason)})`]);
    expect(await node.ended).toEqual({ exitCode: code, signal: null });
    if (reason !== undefined) expect(node.printed()).toContain(`Application ${name} has ended: ${reason}`);
    expect(lines(node.printed()).slice(-3)).toEqual(['faulty stopped', 'extra stopped', 'store stopped']);
  });

  test('is transient and ends without a reason, or temporary with one, leaves the node running', async () => {
    const one = await own();
    const node = await startNode(one);
    await ask(one, ['rpc', 'end.store()']);
    await ask(one, ['rpc', 'end.extra("enough")']);
    await expect.poll(() => node.printed()).toContain('extra stopped');
    expect(node.printed()).toContain('Application extra has ended: enough');
    const { applications } = JSON.parse((await ask(one, ['describe', '--json'])).stdout);
    const states = Object.fromEntries(
      applications.map(({ name, state }: { name: string; state: string }) => [name, state]),
    );
    expect(states).toEqual({ faulty: 'running', store: 'stopped', extra: 'stopped' });
    expect((await ask(one, ['stop'])).exitCode).toBe(0);
    // Each was stopped once.
    expect(
      lines(node.printed())
        .filter((line) => line.endsWith('stopped'))
        .sort(),
    ).toEqual(['extra stopped', 'faulty stopped', 'store stopped']);
  });

  test('does not stop within shutdownTimeout is named, and the node ends all the same with exit code 1', async () => {
    const one = await own({ LINGERS: 'extra' });
    const node = await startNode(one);
    const before = Date.now();
    node.child.kill('SIGTERM');
    expect(await node.ended).toEqual({ exitCode: 1, signal: null });
    expect(Date.now() - before).toBeGreaterThan(900);
    expect(node.printed()).toContain('faulty: Application extra did not stop within 1 s.');
    expect(node.printed()).toContain('faulty stopped');
    expect(await nodesOf(one)).toEqual([]);
  });
});

test('hooks run around configuration, start and stop, in order; applications stop in reverse', async () => {
  const one = await own({ RELEASE_NODE: 'n1' });
  const node = await startNode(one);
  expect((await ask(one, ['stop'])).exitCode).toBe(0);
  await node.ended;
  expect(node.printed().trimEnd().split('\n')).toEqual([
    'hook pre_configure n1',
    'hook post_configure n1',
    'hook pre_start n1',
    'store started {}',
    'extra started {}',
    'faulty started {"from":"vault"}',
    'hook post_start n1',
    'hook pre_stop n1',
    'faulty stopped',
    'extra stopped',
    'store stopped',
    'hook post_stop n1',
  ]);
});

test('a node whose output nobody reads any more can be stopped, and does not go on complaining about it', async () => {
  const one = await own();
  const { child, ended } = await startNode(one);
  child.stdout!.destroy();
  child.stderr!.destroy();
  await ask(one, ['rpc', 'end.extra("enough")']);
  await ask(one, ['stop']);
  // Hooks that cannot print fail.
  expect(await ended).toEqual({ exitCode: 1, signal: null });
});

test('a daemon whose log cannot be written does not come up, and says that', async () => {
  const one = await own();
  const log = path.join(one.state, 'log/faulty.log');
  await mkdir(log, { recursive: true });
  const { exitCode, stderr } = await ask(one, ['daemon']);
  expect(stderr).toMatch(onlySentence(`Nobody writes ${log}`));
  expect(exitCode).toBe(1);
  expect((await ask(one, ['ping'])).exitCode).toBe(1);
});

describe('a node that was killed', () => {
  test('does not run for anybody, and the next start clears away what it left', async () => {
    const one = await own();
    const killed = await startNode(one);
    const left = await nodesOf(one);
    expect(left).toEqual(expect.arrayContaining(['faulty.json', expect.stringMatching(/\.sock$/)]));
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(await ask(one, ['ping'])).toMatchObject({ exitCode: 1, stdout: 'pang\n' });
    expect((await ask(one, ['stop'])).stderr).toContain('faulty is not running');
    expect((await ask(one, ['doctor'])).stdout).toContain(`faulty (PID ${killed.child.pid}) is gone`);
    // By now its PID is another process's, this one's: that is no reason not to start.
    const record = path.join(one.state, 'nodes/faulty.json');
    await writeFile(
      record,
      JSON.stringify({ ...JSON.parse(await readFile(record, 'utf8')), pid: process.pid }),
    );
    const next = await startNode(one);
    expect((await ask(one, ['pid'])).stdout).toBe(`${next.child.pid}\n`);
    const now = await nodesOf(one);
    expect(now).toHaveLength(2);
    expect(now.filter((name) => left.includes(name))).toEqual(['faulty.json']);
    expect((await ask(one, ['stop'])).exitCode).toBe(0);
    expect(await nodesOf(one)).toEqual([]);
  });

  test('keeps its cookie, and leaves a log that the next daemon goes on with', async () => {
    const one = await own();
    onTestFinished(async () => void (await ask(one, ['stop'])));
    await ask(one, ['daemon']);
    const cookie = await readFile(path.join(one.state, 'cookie'), 'utf8');
    process.kill(Number((await ask(one, ['pid'])).stdout), 'SIGKILL');
    await expect.poll(async () => (await ask(one, ['ping'])).exitCode).toBe(1);
    expect((await ask(one, ['daemon'])).exitCode).toBe(0);
    expect(await readFile(path.join(one.state, 'cookie'), 'utf8')).toBe(cookie);
    const log = await readFile(path.join(one.state, 'log/faulty.log'), 'utf8');
    expect(log.match(/^faulty started/gm)).toHaveLength(2);
  });
});

describe('two nodes of one install', () => {
  test('with different RELEASE_NODE run side by side, and one is stopped without the other', async () => {
    const one = await own({ RELEASE_NODE: 'n1' });
    const other = { ...one, env: { ...one.env, RELEASE_NODE: 'n2' } };
    const [n1, n2] = [await startNode(one), await startNode(other)];
    expect((await ask(one, ['pid'])).stdout).toBe(`${n1.child.pid}\n`);
    expect((await ask(other, ['pid'])).stdout).toBe(`${n2.child.pid}\n`);
    expect((await ask(one, ['stop'])).exitCode).toBe(0);
    await n1.ended;
    expect((await ask(one, ['ping'])).exitCode).toBe(1);
    expect((await ask(other, ['rpc', 'process.env.RELEASE_NODE'])).stdout).toBe("'n2'\n");
    expect((await installsIn(path.join(one.env.XDG_CACHE_HOME!, 'sarma'))).releases).toHaveLength(1);
  });

  test('with the same are one: the second start says which PID has it, and harms nothing', async () => {
    const one = await own();
    const { child } = await startNode(one);
    const again = await ask(one, ['start']);
    expect(again).toMatchObject({ exitCode: 1, stdout: '' });
    expect(again.stderr).toMatch(onlySentence(`faulty runs already \\(PID ${child.pid}, `));
    expect((await ask(one, ['daemon'])).stderr).toContain(`PID ${child.pid}`);
    expect((await ask(one, ['pid'])).stdout).toBe(`${child.pid}\n`);
  });
});

describe('an exception', () => {
  test('inside rpc: its stack and exit code 1 for who asked; the node lives and has printed nothing', async () => {
    const one = await own();
    const node = await startNode(one);
    const before = node.printed();
    for (const code of [
      'null.x',
      'await Promise.reject(new TypeError("late"))',
      'throw new TypeError("now")',
    ]) {
      const { exitCode, stdout, stderr } = await ask(one, ['rpc', code]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toMatch(/TypeError: .*\n {4}at /);
    }
    expect((await ask(one, ['rpc', '1 + 1'])).stdout).toBe('2\n');
    expect(node.printed()).toBe(before);
  });

  test('that rpc leaves behind for later ends the node, with the reason', async () => {
    const one = await own();
    const node = await startNode(one);
    await ask(one, ['rpc', 'setTimeout(() => { throw new Error("late") }, 50); 0']);
    expect(await node.ended).toEqual({ exitCode: 1, signal: null });
    expect(node.printed()).toContain('Error: late');
    expect(node.printed()).toContain('store stopped');
  });

  test('rpc, eval without an expression and stop where nothing runs: a sentence, exit code 1', async () => {
    const one = await own();
    for (const word of ['rpc', 'eval']) {
      const { exitCode, stderr } = await ask(one, [word]);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('expects an expression');
    }
    const { exitCode, stderr } = await ask(one, ['stop']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(onlySentence('faulty is not running'));
    expect(await readdir(one.state)).toEqual([]);
  });
});

describe('strangers on the control socket do the node no harm:', () => {
  const socketOf = async ({ state }: Installed): Promise<string> =>
    JSON.parse(await readFile(path.join(state, 'nodes/faulty.json'), 'utf8')).socket;

  const unharmed = async (one: Installed, printed: () => string, before: string) => {
    expect((await ask(one, ['rpc', '6 * 7'])).stdout).toBe('42\n');
    expect(printed()).toBe(before);
  };

  test('one with another cookie is refused, whatever it asks for', async () => {
    const one = await own();
    const { printed } = await startNode(one);
    const before = printed();
    for (const words of [['ping'], ['stop'], ['rpc', 'process.exit()'], ['restart'], ['reload_config']]) {
      const { exitCode, stderr } = await ask(one, words, { env: { RELEASE_COOKIE: 'guessed'.repeat(6) } });
      expect(stderr).toMatch(onlySentence('faulty has another cookie'));
      expect(exitCode).toBe(1);
    }
    await unharmed(one, printed, before);
  });

  test('a whole conversation, recorded and played again, is refused', async () => {
    const one = await own();
    const { printed } = await startNode(one);
    const before = printed();
    const address = await socketOf(one);
    await rename(address, `${address}.node`);
    const said: Buffer[] = [];
    const recorder = createServer((client) => {
      const node = connect(`${address}.node`);
      client.on('data', (chunk) => said.push(chunk)).pipe(node);
      node.pipe(client);
      for (const end of [client, node]) end.on('error', () => {});
    }).listen(address);
    await once(recorder, 'listening');
    const count = ['rpc', 'globalThis.count = (globalThis.count ?? 0) + 1'];
    expect((await ask(one, count)).stdout).toBe('1\n');
    recorder.close();
    await rename(`${address}.node`, address);
    expect(said.length).toBeGreaterThan(2);
    const replayed = connect(address).on('error', () => {});
    const closed = new Promise((resolve) => replayed.on('close', resolve));
    let answers = '';
    replayed.setEncoding('utf8').on('data', (text) => (answers += text));
    for (const chunk of said) {
      replayed.write(chunk);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await closed;
    expect(answers).toContain('nonce');
    expect(answers).not.toMatch(/welcome|result/);
    expect((await ask(one, count)).stdout).toBe('2\n');
    await unharmed(one, printed, before);
  });

  test.each([
    ['a page request', Buffer.from('GET / HTTP/1.1\r\nHost: faulty\r\n\r\n')],
    ['every byte there is', Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256))],
    ['one line without an end', Buffer.alloc(4_000_000, '{')],
    ['nothing at all', Buffer.alloc(0)],
  ])('garbage (%s)', async (_what, bytes) => {
    const one = await own();
    const { printed } = await startNode(one);
    const before = printed();
    const stranger = connect(await socketOf(one)).on('error', () => {});
    const closed = new Promise((resolve) => stranger.on('close', resolve));
    let heard = '';
    stranger.on('data', (chunk) => (heard += chunk));
    stranger.end(bytes);
    await closed;
    expect(heard).toBe('');
    await unharmed(one, printed, before);
  });

  test.skipIf(lacks('mounts', 'setpriv'))(
    'another user is told to be the right one by every command, and does not get to the socket or the cookie',
    async () => {
      const machine = await sealedMachine(first);
      const { stdout } = await machine.shell(`
        ${exportSettings} RELEASE_MUTABLE_DIR=/tmp/state
        ${UNTIL_UP}
        as 1234 ./app start >/mnt/printed 2>&1 &
        up as 1234 ./app
        chmod 755 /tmp/state
        for words in ping stop restart start daemon "rpc 1" remote reload_config; do
          as 1235 ./app $words 2>&1 </dev/null | sed "s/^/$words: /"
        done
        as 1235 sh -c 'cat /tmp/state/cookie; ls /tmp/state/nodes' 2>&1 || true
        as 1234 ./app rpc 6*7
        ./app ping
        as 1234 ./app stop`);
      const said = stdout.trim().split('\n');
      const commands = ['ping', 'stop', 'restart', 'start', 'daemon', 'rpc 1', 'remote', 'reload_config'];
      for (const words of commands)
        expect(said).toContainEqual(
          expect.stringMatching(
            `^${words}: faulty: .*EACCES.* Run this as the user that the node runs as, or`,
          ),
        );
      expect(said.filter((line) => /^\S+( 1)?: {5}at /.test(line))).toEqual([]);
      expect(
        said.filter((line) => /cannot (open|access)/.test(line) || /Permission denied/.test(line)),
      ).toHaveLength(2);
      expect(said.slice(-3)).toEqual(['42', 'pong', expect.stringMatching(/^faulty has stopped/)]);
    },
  );
});

/** `up COMMAND`: waits until the node answers. */
const UNTIL_UP = `up() { for i in $(seq 200); do "$@" ping >/dev/null 2>&1 && return; sleep 0.05; done; echo "never up"; }`;

describe('what a service keeps', () => {
  test('lies in its state directory, for its user alone; its install is as it was, but for its compile cache', async () => {
    const one = await own();
    onTestFinished(async () => void (await ask(one, ['stop'])));
    await ask(one, ['version']);
    const base = path.join(one.env.XDG_CACHE_HOME!, 'sarma/releases');
    const before = await listing(base);
    expect((await ask(one, ['daemon'])).exitCode).toBe(0);
    await ask(one, ['remote'], { input: '1 + 1\n.exit\n' });
    expect((await readdir(one.state)).sort()).toEqual(['cookie', 'log', 'nodes', 'tmp']);
    expect(await nodesOf(one)).toHaveLength(2);
    const { stdout } = await run('find', [one.state, '-mindepth', '1', '-perm', '/077']);
    expect(stdout).toBe('');
    await ask(one, ['stop']);
    const changed = differences(await listing(base), before);
    expect(changed.filter((name) => !/\/\.sarma\/compile-cache(\/|$)/.test(name))).toEqual([]);
  });

  test('no cookie is in any file that is shipped, though a node has run where it was packed', async () => {
    const assembled = path.join(project, '_build/prod/rel/faulty/var/cookie');
    const cookies = [(await readFile(assembled, 'utf8')).trim()];
    expect(cookies[0]).toMatch(/^[\w-]{43}$/);
    const one = await own();
    await startNode(one);
    cookies.push((await readFile(path.join(one.state, 'cookie'), 'utf8')).trim());
    expect(cookies[1]).not.toBe(cookies[0]);
    const unpacked = await temporaryDirectory();
    for (const version of ['1.0.0', '2.0.0']) {
      const tar = path.join(project, `burrito_out/faulty-${version}-${TARGET}.tar.gz`);
      await mkdir(path.join(unpacked, version));
      execFileSync('tar', ['-xzf', tar, '-C', path.join(unpacked, version)]);
    }
    const extracted = path.join(await temporaryDirectory(), 'extracted');
    await ask(one, ['maintenance', 'extract', extracted]);
    for (const shipped of [unpacked, extracted, first, second, one.env.XDG_CACHE_HOME!]) {
      const found = await run('grep', ['-rlaF', ...cookies.flatMap((cookie) => ['-e', cookie]), shipped]);
      expect(found).toMatchObject({ stdout: '', exitCode: 1 });
    }
    const names = [...Object.keys(await listing(unpacked)), ...Object.keys(await listing(extracted))];
    expect(names.filter((name) => /(^|\/)(var|cookie|nodes|log)(\/|$)/.test(name))).toEqual([]);
  });

  test('survives another assembly: a node that runs in the directory goes on, and can be stopped', async () => {
    const command = path.join(project, '_build/prod/rel/faulty/bin/faulty');
    const { RELEASE_MUTABLE_DIR: _, ...env } = (await own()).env;
    const one = { command, env, state: path.join(project, '_build/prod/rel/faulty/var') };
    const node = await startNode(one);
    const cookie = await readFile(path.join(one.state, 'cookie'), 'utf8');
    await sarma(['assemble', '--release-version', '2.0.0']);
    expect(await readFile(path.join(one.state, 'cookie'), 'utf8')).toBe(cookie);
    expect(await ask(one, ['pid'])).toMatchObject({ stdout: `${node.child.pid}\n`, stderr: '' });
    expect((await ask(one, ['stop'])).exitCode).toBe(0);
    expect(await node.ended).toEqual({ exitCode: 0, signal: null });
  });
});

test('a running old version is kept although wrap.keep is 1, until it has stopped, by the new one', async () => {
  const old = await own();
  const next = { ...old, command: second };
  const node = await startNode(old);
  const base = path.join(old.env.XDG_CACHE_HOME!, 'sarma');
  const versions = async () => (await installsIn(base)).releases.map((name) => name.split('-')[1]).sort();
  expect((await ask(next, ['version'])).stdout).toBe('faulty 2.0.0\n');
  expect(await versions()).toEqual(['1.0.0', '2.0.0']);
  const late = ['rpc', '(await import("store")).late'];
  expect(await ask(old, late)).toMatchObject({ stdout: "'imported late'\n", stderr: '' });
  expect((await ask(next, ['stop'])).exitCode).toBe(0);
  expect(await node.ended).toEqual({ exitCode: 0, signal: null });
  await ask(next, ['maintenance', 'prune']);
  expect(await versions()).toEqual(['2.0.0']);
});

describe('without a runtime of its own (include: false)', () => {
  test('a release takes the Node of its line from the PATH; one of another, or none, is a sentence', async () => {
    await sarma(['assemble', '--env', 'host']);
    const one = await own({}, path.join(project, '_build/host/rel/faulty/bin/faulty'));
    const [line] = process.versions.node.split('.');
    const tools = await temporaryDirectory();
    const node = path.join(tools, 'node');
    const version = async () => await ask(one, ['version'], { env: { PATH: `${tools}:/usr/bin:/bin` } });
    await writeFile(node, `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
    expect(await version()).toMatchObject({ exitCode: 0, stdout: 'faulty 1.0.0\n' });
    // What another Node says of itself; it must not be asked to run the release.
    await writeFile(node, `#!/bin/sh\n[ "$1" = --version ] && echo v18.20.4 || echo "was run: $*"\n`);
    expect(await version()).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: `faulty: it needs Node ${line}, but ${node} is v18.20.4. Put one of that line first on the PATH.\n`,
    });
    await writeFile(node, '', { mode: 0o644 });
    const none = await temporaryDirectory();
    for (const tool of ['dirname', 'sed', 'readlink', 'cat'])
      await writeFile(path.join(none, tool), `#!/bin/sh\nexec /usr/bin/${tool} "$@"\n`, { mode: 0o755 });
    const { exitCode, stderr } = await ask(one, ['version'], { env: { PATH: none } });
    expect(stderr).toMatch(onlySentence(`needs Node ${line}, but there is no "node" on the PATH`));
    expect(exitCode).toBe(1);
  });
});

describe.skipIf(lacks('mounts', 'setpriv'))('a service runs', () => {
  test('from a read-only install, with its state where RELEASE_MUTABLE_DIR says', async () => {
    const machine = await sealedMachine(first);
    const { stdout, stderr } = await machine.shell(`${READ_ONLY}
      as_user() { setpriv --reuid=1234 --regid=1234 --clear-groups "$@"; }
      export RELEASE_MUTABLE_DIR=/mnt/var
      as_user bin/app start || true
      export RELEASE_MUTABLE_DIR=/tmp/state
      as_user bin/app daemon
      as_user bin/app rpc 6*7
      as_user bin/app stop
      ls /tmp /tmp/state`);
    expect(stderr).toMatch(
      /^faulty: faulty can keep nothing in \/mnt\/var: EROFS: read-only .* RELEASE_MUTABLE_DIR names another directory\.\n$/,
    );
    expect(stdout.split('\n').filter((line) => !/PID/.test(line))).toEqual([
      '42',
      '/tmp:',
      'state',
      '',
      '/tmp/state:',
      'cookie',
      'log',
      'nodes',
      'tmp',
      '',
    ]);
  });

  test('with RELEASE_READ_ONLY, which writes nothing to the state directory, and takes commands', async () => {
    const machine = await sealedMachine(first);
    const { stdout, stderr } = await machine.shell(`${READ_ONLY}
      ${UNTIL_UP}
      as_user() { setpriv --reuid=1234 --regid=1234 --clear-groups "$@"; }
      export RELEASE_READ_ONLY=true RELEASE_MUTABLE_DIR=/mnt/var
      as_user bin/app start >/dev/null &
      up as_user bin/app
      as_user bin/app rpc 6*7
      as_user bin/app daemon || echo refused
      as_user bin/app stop
      find /mnt/var 2>/dev/null || ls /tmp`);
    expect(stdout.replace(/\(PID \d+\)/, '')).toBe('42\nrefused\nfaulty has stopped .\nsarma-1234\n');
    expect(stderr).toMatch(onlySentence('RELEASE_READ_ONLY is set'));
  });

  test('with HOME unset: its state lies in the home of its user, and without one a sentence names the variable', async () => {
    const machine = await sealedMachine(first);
    const { stdout, stderr } = await machine.shell(`${exportSettings}
      ./app daemon >/dev/null; ./app ping; ./app stop >/dev/null
      ls /root/.local/state/faulty
      as 1234 env -u HOME ./app start || echo "exit code $?"`);
    expect(stdout).toBe('pong\ncookie\nlog\nnodes\ntmp\nexit code 1\n');
    expect(stderr).toMatch(onlySentence('There is no place for the state .* Set RELEASE_MUTABLE_DIR'));
  });

  test.each(['--mount-proc', '--pid'])(
    'as PID 1 of an empty PID namespace (unshare %s), and stops in order on SIGTERM',
    async (more) => {
      const machine = await sealedMachine(first);
      const { stdout, stderr } =
        await machine.shell(`${exportSettings} RELEASE_MUTABLE_DIR=/tmp/state HOME=/root
        ${UNTIL_UP}
        unshare --pid --fork ${more} ./app start >/mnt/printed &
        outside=$!
        up ./app
        ./app pid
        kill -TERM "$(cat /proc/$outside/task/$outside/children)"
        wait $outside
        echo "exit code $?"
        tail -n 5 /mnt/printed
        ls /tmp/state/nodes`);
      expect(stderr).toBe('');
      expect(stdout.split('\n')).toEqual([
        '1',
        'exit code 0',
        'hook pre_stop faulty',
        'faulty stopped',
        'extra stopped',
        'store stopped',
        'hook post_stop faulty',
        '',
      ]);
    },
  );

  /** The executable is bin/app with a prepared install beside it; nothing can be written but /tmp. */
  const READ_ONLY = `${exportSettings}
    id=$(id_of ./app)
    mkdir -p bin lib/sarma
    ./app maintenance extract "/mnt/lib/sarma/$id" 2>/dev/null
    mv app bin/app
    for place in /var/tmp /dev/shm /mnt; do mount -o remount,ro "$place"; done
  `;
});
