// Whoever started a node keeps seeing one process, whatever it is upgraded to: `launcher hold` on Linux, and what Node
// does where there is none. The upgrades are those of support/held-node.ts, which are nothing but a change of processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { launcherPath } from '@sarma/stub';
import { hostTarget, loadTargets } from '@sarma/wrapper';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory } from './support/run.ts';
import { openTerminal } from './support/terminal.ts';

const NODE = path.join(import.meta.dirname, 'support/held-node.ts');
const LAUNCHER = '#launcher';

let launcher: string;

beforeAll(async () => {
  launcher = launcherPath(hostTarget(await loadTargets(import.meta.dirname)).name);
});

interface Place {
  readonly state: string;
  /** The command line of a node that lives there. */
  readonly command: readonly string[];
}

async function place(holder: string): Promise<Place> {
  const directory = await temporaryDirectory();
  const [state, version] = [path.join(directory, 'state'), path.join(directory, 'releases/1.0.0')];
  for (const one of [state, version]) await mkdir(one, { recursive: true });
  if (holder === LAUNCHER) await symlink(launcher, path.join(version, 'launcher'));
  return { state, command: [process.execPath, '--conditions=@sarma/source', NODE, state, directory] };
}

/** A process that somebody has started, and what all its versions print. */
class Started {
  readonly child: ChildProcess;
  readonly #state: string;
  #printed = '';
  #seen = 0;

  constructor({ state, command }: Place, under: readonly string[] = []) {
    const [file, ...args] = [...under, ...command];
    this.#state = state;
    this.child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.#printed += text));
    onTestFinished(async () => {
      await this.tell('kill SIGKILL').catch(() => {});
      this.child.kill('SIGKILL');
    });
  }

  /** The rest of the next line that begins with a word. */
  async next(word: string): Promise<string> {
    return await vi.waitFor(
      () => {
        const found = new RegExp(`^${word} ?(.*)\n`, 'm').exec(this.#printed.slice(this.#seen));
        if (found === null) throw new Error(`no ${word} in ${JSON.stringify(this.#printed)}`);
        this.#seen += found.index + found[0].length;
        return found[1]!;
      },
      { timeout: 30_000, interval: 20 },
    );
  }

  times(word: string): number {
    return this.#printed.split('\n').filter((line) => line === word).length;
  }

  /** Says something to the node, as it is now. */
  async tell(words: string): Promise<void> {
    await tell(this.#state, await recorded(this.#state), words);
  }

  /** Resolves to the PID of the new node once somebody else holds it. */
  async upgrade(): Promise<number> {
    const before = await recorded(this.#state);
    await this.tell('upgrade');
    const pid = Number(await this.next('node'));
    await waitForHolder(before);
    return pid;
  }

  async ended(): Promise<readonly [number | null, NodeJS.Signals | null]> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return [child.exitCode, child.signalCode];
  }
}

async function recorded(state: string): Promise<number> {
  return JSON.parse(await readFile(path.join(state, 'nodes/demo.json'), 'utf8')).pid;
}

async function tell(state: string, pid: number, words: string): Promise<void> {
  const socket = connect(path.join(state, `${pid}.sock`));
  await once(socket, 'connect');
  // It may end at these words.
  socket.on('error', () => {});
  socket.end(words);
}

/** Until a process has given up being a node: it is gone, is the launcher and waits for signals, or says that it waits. */
async function waitForHolder(pid: number): Promise<void> {
  const read = async (name: string) => await readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => undefined);
  await vi.waitUntil(
    async () => {
      const [line, status, name] = [await read('cmdline'), await read('status'), await read('comm')];
      if (line === undefined) return true;
      if (line.split('\0')[1] === 'hold') return /^State:\s+S/m.test(status ?? '');
      return name === 'holds\n';
    },
    { timeout: 30_000, interval: 20 },
  );
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}

async function start(holder: string): Promise<Started> {
  const started = new Started(await place(holder));
  await started.next('node');
  return started;
}

describe.skipIf(process.platform !== 'linux').each([LAUNCHER, 'a Node that waits'])(
  'held by %s',
  (holder) => {
    test('a node keeps the PID that was started over three upgrades, and gives it its exit code', async () => {
      const started = await start(holder);
      const pids = [started.child.pid!];
      for (let version = 0; version < 3; version += 1) pids.push(await started.upgrade());
      expect(new Set(pids).size).toBe(4);
      if (holder === LAUNCHER) expect(await childrenOf(pids[0]!)).toEqual([pids[3]]);
      // What `daemon --heart` starts again, by the way.
      await started.tell('exit 85');
      expect(await started.ended()).toEqual([85, null]);
    });

    test('what is sent to that PID reaches the node, whichever version it is', async () => {
      const started = await start(holder);
      for (let version = 0; version < 2; version += 1) {
        await started.upgrade();
        const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR2'] as const;
        for (const signal of signals) {
          started.child.kill(signal);
          await started.next(signal);
        }
        if (holder !== LAUNCHER) continue;
        for (const signal of ['SIGALRM', 'SIGCONT'] as const) {
          started.child.kill(signal);
          await started.next(signal);
        }
      }
    });

    test.each(['SIGKILL', 'SIGSEGV'] as const)(
      'a node that %s ends looks as if it had been that PID',
      async (signal) => {
        const started = await start(holder);
        await started.upgrade();
        await started.tell(`kill ${signal}`);
        expect(await started.ended()).toEqual([null, signal]);
      },
    );

    test.each([0, 1])(
      'after %i upgrades, a successor that has ended by then is not waited for',
      async (upgrades) => {
        const started = await start(holder);
        for (let version = 0; version < upgrades; version += 1) await started.upgrade();
        await started.tell('upgrade-to-dead');
        expect(await started.ended()).toEqual([null, 'SIGKILL']);
      },
    );

    test('whoever kills that process has killed the node, which stops by itself', async () => {
      const started = await start(holder);
      const pid = await started.upgrade();
      started.child.kill('SIGKILL');
      await started.next('holder is gone');
      await vi.waitUntil(() => !existsSync(`/proc/${pid}`), { timeout: 30_000 });
    });

    test.skipIf(lacks('pidNamespaces'))('the first process of a container stays the first', async () => {
      const started = new Started(await place(holder), ['unshare', '--pid', '--fork', '--mount-proc']);
      expect(await started.next('node')).toBe('1');
      await started.tell('upgrade');
      expect(await started.next('node')).not.toBe('1');
      const first = (await childrenOf(started.child.pid!))[0]!;
      await waitForHolder(first);
      process.kill(first, 'SIGTERM');
      await started.next('SIGTERM');
      await started.tell('kill SIGKILL');
      expect(await started.ended()).toEqual([137, null]);
    });
  },
);

describe.skipIf(process.platform !== 'linux')('the launcher', () => {
  test('buries what the children of applications leave behind, and takes none of them for the node', async () => {
    const started = await start(LAUNCHER);
    const pid = await started.upgrade();
    await started.tell('orphan');
    const orphan = Number(await started.next('orphan'));
    await vi.waitUntil(async () => (await childrenOf(started.child.pid!)).includes(orphan), {
      timeout: 30_000,
    });
    await vi.waitUntil(async () => (await childrenOf(started.child.pid!)).join() === `${pid}`, {
      timeout: 30_000,
    });
    expect(existsSync(`/proc/${orphan}`)).toBe(false);
    await started.tell('exit 3');
    expect(await started.ended()).toEqual([3, null]);
  });

  test.skipIf(lacks('script'))('leaves a key of the terminal to the node, which has got it too', async () => {
    const { state, command } = await place(LAUNCHER);
    const terminal = await openTerminal(`${command.join(' ')}; true`);
    const { tellNode, holder } = await onTerminal(terminal, state);
    // So that what it passes on does not meet what is on its way to the node, and become one with it.
    process.kill(holder, 'SIGSTOP');
    terminal.type('\x03');
    await terminal.shows('SIGINT\r\n');
    process.kill(holder, 'SIGCONT');
    await terminal.shows('SIGCONT\r\n');
    process.kill(holder, 'SIGHUP');
    await terminal.shows('SIGHUP\r\n');
    await tellNode('exit 0');
    const { screen } = await terminal.ended;
    expect(screen.match(/SIGINT/g)).toHaveLength(1);
  });

  test.skipIf(lacks('script')).each([
    ['at Ctrl-Z', undefined],
    // The REPL's Ctrl-Z is no signal of the terminal: the process stops itself.
    ['that stops itself', 'kill SIGTSTP'],
  ])('stops and goes on with a node %s', async (_, words) => {
    const { state, command } = await place(LAUNCHER);
    const terminal = await openTerminal(
      `set -m; ${command.join(' ')}; echo stopped $?; fg >/dev/null; echo ended $?`,
    );
    const { tellNode } = await onTerminal(terminal, state);
    if (words === undefined) terminal.type('\x1a');
    else await tellNode(words);
    await terminal.shows('stopped ');
    await terminal.shows('SIGCONT\r\n');
    await tellNode('exit 5');
    await terminal.shows('ended 5\r\n');
  });

  test.each([
    [
      'no child of this process',
      ['hold', '/nowhere/demo.json', '1'],
      'sarma: 1 is no child of this process, and /nowhere/demo.json names none\n',
    ],
    ['no number', ['hold', '/nowhere/demo.json', 'one'], expect.stringContaining('launcher hold RECORD PID')],
    ['no PID', ['hold', '/nowhere/demo.json'], expect.stringContaining('launcher hold RECORD PID')],
  ])('says so where there is %s', async (_, words, stderr) => {
    expect(await run(launcher, words)).toMatchObject({ exitCode: 125, stderr });
  });
});

/** Upgrades the node once. */
async function onTerminal(
  terminal: Awaited<ReturnType<typeof openTerminal>>,
  state: string,
): Promise<{ readonly tellNode: (words: string) => Promise<unknown>; readonly holder: number }> {
  const say = async (words: string) => {
    const pid = await recorded(state);
    await tell(state, pid, words);
    return pid;
  };
  await terminal.shows('node ');
  await terminal.shows('\r\n');
  const holder = await say('upgrade');
  await terminal.shows('node ');
  await terminal.shows('\r\n');
  await waitForHolder(holder);
  return { tellNode: say, holder };
}
