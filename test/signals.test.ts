// Signals (promise P4): each reaches the program once, and one that nobody handles is what it dies of; also of the first run.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { installsIn } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { runTraced } from './support/strace.ts';
import { openTerminal } from './support/terminal.ts';

/** What starts the program: plain Node, and the executable. */
let node: readonly string[];
let file: string;
let base: string;

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'signals', bin: 'main.js' },
    {
      'main.js': `
        const { stdin } = process;
        const actions = {
          /** Counts those it is asked for; tells when it is asked, and ends. */
          count(...signals) {
            const counts = {};
            for (const signal of signals) process.on(signal, () => {
              counts[signal] = (counts[signal] ?? 0) + 1;
              console.log('got', signal);
            });
            stdin.on('data', () => { console.log(JSON.stringify(counts)); process.exit(3); });
            console.log('ready');
          },
          die: (number) => process.kill(process.pid, Number(number)),
          abort: () => process.abort(),
          answer() {
            stdin.once('data', () => { console.log('alive'); process.exit(4); });
            console.log('ready');
          },
          file(name) {
            process.on('SIGHUP', () => require('node:fs').appendFileSync(name, 'hung up\\n'));
            stdin.on('end', () => {}).on('error', () => {}).resume();
            setTimeout(() => {}, 2 ** 30);
            process.on('SIGTERM', () => process.exit());
            console.log('ready', process.pid);
          },
        };
        actions[process.argv[2]](...process.argv.slice(3));
      `,
    },
  );
  node = [process.execPath, path.join(program.directory, 'main.js')];
  file = await wrapProgram(program);
  base = await temporaryDirectory();
  await run(file, ['answer'], { env: { SARMA_CACHE_DIR: base } });
});

interface Started {
  readonly child: ChildProcess;
  readonly prints: (text: string) => Promise<unknown>;
  readonly ended: Promise<{ code: number | null; signal: string | null; output: string }>;
}

function start(
  command: readonly string[],
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly detached?: boolean } = {},
): Started {
  const child = spawn(command[0]!, [...command.slice(1), ...args], {
    env: { ...process.env, SARMA_CACHE_DIR: base, ...options.env },
    detached: options.detached ?? false,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    // Of a group: with what it has started.
    if (child.exitCode === null && child.signalCode === null)
      process.kill(options.detached === true ? -child.pid! : child.pid!, 'SIGKILL');
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output }));
  const prints = (text: string) =>
    vi.waitUntil(() => output.includes(text), { timeout: 60_000, interval: 5 });
  return { child, prints, ended };
}

/** The same for plain Node and the executable, on a later run and, if it is to be, on a first one; returns what they did. */
async function sameAsNode<Result>(
  act: (command: readonly string[]) => Promise<Result>,
  { firstRun = true } = {},
): Promise<Result> {
  const plain = await act(node);
  expect(await act([file])).toEqual(plain);
  if (!firstRun) return plain;
  const installed = base;
  base = await temporaryDirectory();
  try {
    expect(await act([file])).toEqual(plain);
  } finally {
    await rm(base, { recursive: true, force: true });
    base = installed;
  }
  return plain;
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const)(
  '%s to the process group reaches the program once',
  async (signal) => {
    const result = await sameAsNode(async (command) => {
      const { child, prints, ended } = start(command, ['count', signal], { detached: true });
      await prints('ready\n');
      process.kill(-child.pid!, signal);
      await prints(`got ${signal}\n`);
      child.stdin!.write('go');
      return await ended;
    });
    expect(result.output).toBe(`ready\ngot ${signal}\n{"${signal}":1}\n`);
    expect(result.code).toBe(3);
  },
);

test('SIGUSR1 starts the inspector, as it does in Node', async () => {
  const result = await sameAsNode(async (command) => {
    const env = { NODE_OPTIONS: '--inspect-port=0' };
    const { child, prints, ended } = start(command, ['answer'], { env });
    await prints('ready\n');
    child.kill('SIGUSR1');
    await prints('For help');
    child.stdin!.write('go');
    const { output, ...rest } = await ended;
    return { ...rest, output: output.replace(/:\d+\/[-0-9a-f]+/, ':PORT/ID') };
  });
  expect(result.output).toMatch(/^ready\nDebugger listening on ws:\/\/127\.0\.0\.1:PORT\/ID\n.*alive\n$/s);
});

test('every signal that ends a program ends it as that signal, those that dump core too', async () => {
  const harmless = new Set([
    ...['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH'],
    ...['SIGPIPE', 'SIGUSR1', 'SIGPROF', 'SIGXFSZ'],
  ]);
  const deadly = Object.entries(constants.signals).filter(([name]) => !harmless.has(name));
  for (const [name, number] of deadly) {
    const { signal } = await sameAsNode(
      async (command) => await start(['prlimit', '--core=0', ...command], ['die', `${number}`]).ended,
      // That no signal is handled, ignored or blocked by the stub is shown of first runs in process.test.ts.
      { firstRun: name === 'SIGSEGV' },
    );
    expect(constants.signals[signal as NodeJS.Signals], name).toBe(number);
  }
});

test('what the shell says of a core dump it says of the program', async () => {
  const { stdout } = await sameAsNode(async (command) => {
    const script = 'ulimit -c 8; "$@"; echo "status $?"';
    const printed = await run('bash', ['-c', script, 'shell', ...command, 'die', '11'], {
      cwd: await temporaryDirectory(),
      env: { SARMA_CACHE_DIR: base },
    });
    return { ...printed, stderr: printed.stderr.replace(/^shell: line 1: +\d+ (.*?) +"\$@"$/m, '$1') };
  });
  expect(stdout).toBe('status 139\n');
});

describe.skipIf(lacks('script'))('when the terminal is closed', () => {
  test('the program gets one SIGHUP', async () => {
    const log = path.join(await temporaryDirectory(), 'log');
    const terminal = await openTerminal(`exec ${file} file ${log}`, { SARMA_CACHE_DIR: base });
    await terminal.shows('ready ');
    await terminal.shows('\r\n');
    terminal.hangUp();
    const pid = Number(/ready (\d+)/.exec((await terminal.ended).screen)?.[1]);
    onTestFinished(() => void process.kill(pid, 'SIGTERM'));
    await vi.waitUntil(async () => (await readFile(log, 'utf8').catch(() => '')) !== '', { timeout: 60_000 });
    expect(await readFile(log, 'utf8')).toBe('hung up\n');
  });
});

describe.skipIf(lacks('pidNamespaces'))('as PID 1 of a container', () => {
  /** `docker stop`: SIGTERM from outside the PID namespace. */
  async function stopped(command: readonly string[], args: readonly string[], ready: string) {
    const { child, prints, ended } = start(['unshare', '--pid', '--fork', '--kill-child', ...command], args);
    await prints(ready);
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    process.kill(Number(children), 'SIGTERM');
    return { child, prints, ended };
  }

  test('`docker stop` reaches the handler of the program, once', async () => {
    const result = await sameAsNode(async (command) => {
      const { child, prints, ended } = await stopped(command, ['count', 'SIGTERM'], 'ready\n');
      await prints('got SIGTERM\n');
      child.stdin!.write('go');
      return await ended;
    });
    expect(result).toEqual({ code: 3, signal: null, output: 'ready\ngot SIGTERM\n{"SIGTERM":1}\n' });
  });

  test('`docker stop` is as little as for plain Node where the program has no handler', async () => {
    const result = await sameAsNode(async (command) => {
      const { child, ended } = await stopped(command, ['answer'], 'ready\n');
      child.stdin!.write('go');
      return await ended;
    });
    expect(result).toEqual({ code: 4, signal: null, output: 'ready\nalive\n' });
  });
});

describe('a first run', () => {
  const temporaries = async (place: string) => {
    const { releases, runtimes } = await installsIn(place);
    return [...releases, ...runtimes];
  };

  test.skipIf(lacks('strace')).each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'that gets a %s while it unpacks dies of it, and leaves nothing half-made',
    async (signal) => {
      for (const call of ['mkdirat', 'pwrite64', 'renameat']) {
        const place = await temporaryDirectory();
        const result = await runTraced(file, ['answer'], {
          env: { SARMA_CACHE_DIR: place },
          inject: [`${call}:signal=${signal}:when=${{ mkdirat: 5, pwrite64: 40, renameat: 1 }[call]}`],
        });
        expect({ call, ...result }).toEqual({
          ...{ call, stdout: '', stderr: '', exitCode: undefined, signal },
        });
        expect((await temporaries(place)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
        const { stdout } = await run(file, ['answer'], { env: { SARMA_CACHE_DIR: place }, input: 'go' });
        expect(stdout).toBe('ready\nalive\n');
      }
    },
  );

  test('that gets a SIGHUP, a SIGINT and a SIGTERM at once leaves nothing half-made, however deep its directories are', async () => {
    const deep = `${'d/'.repeat(90)}file.txt`;
    const program = await makeProgram(
      { name: 'deep', bin: 'main.js', files: ['d'] },
      { 'main.js': 'setTimeout(() => {}, 2 ** 30)', [deep]: 'x' },
    );
    const app = await wrapProgram(program);
    // It is the kernel that says which thread gets which.
    for (let times = 0; times < 6; times += 1) {
      const place = await temporaryDirectory();
      const { child, ended } = start([app], [], { env: { SARMA_CACHE_DIR: place } });
      // Where several threads have begun to write.
      await vi.waitUntil(async () => (await readdir(`/proc/${child.pid}/task`)).length > 1, {
        ...{ timeout: 60_000, interval: 1 },
      });
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) child.kill(signal);
      expect(['SIGHUP', 'SIGINT', 'SIGTERM']).toContain((await ended).signal);
      expect(await temporaries(place)).toEqual([]);
    }
  });

  test.skipIf(lacks('strace'))(
    'that gets a SIGQUIT (Ctrl-\\) while it unpacks dies of it, and leaves what the next run removes',
    async () => {
      const place = await temporaryDirectory();
      const { signal } = await runTraced(file, ['answer'], {
        under: ['sh', '-c', 'ulimit -c 0; exec "$0" "$@"'],
        env: { SARMA_CACHE_DIR: place },
        inject: ['pwrite64:signal=QUIT:when=40'],
      });
      expect(signal).toBe('SIGQUIT');
      const isTemporary = (name: string) => name.endsWith('.tmp');
      expect((await temporaries(place)).some(isTemporary)).toBe(true);
      await run(file, ['answer'], { env: { SARMA_CACHE_DIR: place }, input: 'go' });
      expect((await temporaries(place)).filter(isTemporary)).toEqual([]);
    },
  );

  test.skipIf(lacks('strace'))(
    'goes on after a SIGHUP that nohup told it to ignore, and so does the program',
    async () => {
      const place = await temporaryDirectory();
      const log = path.join(place, 'log');
      const { stdout, exitCode } = await runTraced(file, ['answer'], {
        under: ['sh', '-c', 'trap "" HUP; exec "$0" "$@"'],
        env: { SARMA_CACHE_DIR: path.join(place, 'base') },
        input: 'go',
        inject: ['pwrite64:signal=HUP:when=40'],
        log,
      });
      expect({ stdout, exitCode }).toEqual({ stdout: 'ready\nalive\n', exitCode: 4 });
      expect(await readFile(log, 'utf8')).toContain('--- SIGHUP ');
    },
  );

  test.skipIf(lacks('pidNamespaces', 'strace'))(
    'ends at `docker stop` as PID 1, and leaves nothing half-made',
    async () => {
      const place = await temporaryDirectory();
      // The stub is stopped where it has begun to write, so that it is there when the signal comes.
      const traced = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=pwrite64'];
      const stop = ['-e', 'inject=pwrite64:delay_enter=500000:when=20+1'];
      const { child, ended } = start(
        [...traced, ...stop, 'unshare', '--pid', '--fork', '--kill-child', file],
        ['answer'],
        { env: { SARMA_CACHE_DIR: place }, detached: true },
      );
      await vi.waitUntil(async () => (await temporaries(place)).some((name) => name.startsWith('node')), {
        timeout: 60_000,
      });
      const [unshare] = await childrenOf(child.pid!);
      const [first] = await childrenOf(unshare!);
      process.kill(first!, 'SIGTERM');
      // strace tells of a signal to a thread that it delays.
      const output = expect.stringMatching(/^(strace: .*\n)*$/);
      expect(await ended).toEqual({ code: 143, signal: null, output });
      expect(await temporaries(place)).toEqual([]);
    },
  );
});

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}
