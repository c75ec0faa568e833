// The process a person starts is the program (promise P4): PID, descriptors, streams, and all that a process inherits.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeProgram, type Program } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { compileRuntime } from './support/runtimes.ts';
import { oneCore, onOneCore } from './support/surroundings.ts';

let program: Program;
let file: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  program = await makeProgram(
    { name: 'process', bin: 'main.js' },
    {
      'main.js': String.raw`
        const fs = require('node:fs');
        const actions = {
          pid: () => console.log(process.pid, process.ppid),
          cat: () => process.stdin.pipe(process.stdout),
          passed() {
            const at = (number) => fs.readlinkSync('/proc/self/fd/' + number).replace(/\[\d+\]/, '[N]');
            const how = (number) => /flags:.*/.exec(fs.readFileSync('/proc/self/fdinfo/' + number, 'utf8'))[0];
            console.log([3, 4, 5, 6, 7, 8, 9].map((number) => [number, at(number), how(number)].join(' ')).join('\n'));
            console.log(fs.readFileSync(3, 'utf8'), fs.readFileSync(4, 'utf8'), fs.readFileSync(5, 'utf8'));
            new (require('node:net').Socket)({ fd: 9 }).end('through nine');
          },
          message() {
            process.on('message', ({ number }, server) => {
              process.send({ number: number + 1, listens: server.address().port, connected: process.connected });
              server.close();
              process.disconnect();
            });
          },
          open() {
            const numbers = fs.readdirSync('/proc/self/fd');
            const open = numbers.flatMap((number) => {
              try {
                const flags = Number.parseInt(/flags:\s*(\d+)/.exec(fs.readFileSync('/proc/self/fdinfo/' + number, 'utf8'))[1], 8);
                return [{ to: fs.readlinkSync('/proc/self/fd/' + number).replace(/\[\d+\]/, '[N]'), flags }];
              } catch { return []; } // that of readdirSync
            });
            const ofChild = require('node:child_process').execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
            console.log(JSON.stringify({ open, ofChild }));
          },
          inherited() {
            const own = (name) => fs.readFileSync('/proc/self/' + name, 'utf8');
            const varying = /^(Tgid|Ngid|Pid|PPid|NStgid|NSpid|NSpgid|Vm|Rss|Hugetlb|FDSize|SigQ|(non)?voluntary)/;
            const status = own('status').split('\n').filter((line) => !varying.test(line));
            const stat = own('stat').split(' ');
            // Terminal, exit signal, priority, niceness, real-time priority, policy (proc_pid_stat(5)).
            const scheduling = [7, 38, 18, 19, 40, 41].map((number) => stat[number - 1]);
            const others = ['limits', 'oom_score_adj', 'timerslack_ns', 'personality', 'coredump_filter', 'cgroup', 'loginuid'];
            const rest = others.map((name) => { try { return own(name); } catch ({ code }) { return name + code; } });
            console.log([...status, ...scheduling, ...rest, process.cwd(), process.umask()].join('\n'));
          },
        };
        actions[process.argv[2]]();
      `,
    },
  );
  file = await wrapProgram(program);
  env = { ...process.env, SARMA_CACHE_DIR: await temporaryDirectory() };
  await run(file, ['pid'], { env });
});

test('the program has the PID that was started', async () => {
  const child = spawn(file, ['pid'], { env });
  const [line] = await once(child.stdout, 'data');
  expect(String(line)).toBe(`${child.pid} ${process.pid}\n`);
});

test('100 MB pass through stdin and stdout unchanged', async () => {
  const child = spawn(file, ['cat'], { env });
  const sent = createHash('sha256');
  const received = createHash('sha256');
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    received.update(chunk);
    bytes += chunk.length;
  });
  const block = randomBytes(1_000_000);
  for (let count = 0; count < 100; count += 1) {
    sent.update(block);
    if (!child.stdin.write(block)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  await once(child, 'close');
  expect(bytes).toBe(100_000_000);
  expect(received.digest('hex')).toBe(sent.digest('hex'));
});

/** What plain Node prints for it; the executable printed that too, on its first run and on a later one. */
async function sameAsNode(start: (command: readonly string[], env: NodeJS.ProcessEnv) => Promise<string>) {
  const plain = await start([process.execPath, path.join(program.directory, 'main.js')], env);
  expect(await start([file], { ...env, SARMA_CACHE_DIR: await temporaryDirectory() })).toBe(plain);
  expect(await start([file], env)).toBe(plain);
  return plain;
}

test('descriptors 3 to 9 are those that were passed: files, pipes, directories, sockets', async () => {
  const directory = await temporaryDirectory();
  const text = path.join(directory, 'text');
  await writeFile(text, 'skipped, through three');
  const printed = await sameAsNode(async (command, env) => {
    const script = [
      'exec 3<"$1" 4< <(printf "through four") 5<<<"through five" 6>>"$1" 7<"$2" 8>/dev/null',
      'head -c 0 <&3; read -r -N 9 -u 3; shift 2; exec "$@" passed',
    ].join('; ');
    const child = spawn('bash', ['-c', script, 'bash', text, directory, ...command], {
      ...{ env, stdio: ['ignore', 'pipe', 'inherit', ...Array(6).fill('ignore'), 'pipe'] },
    });
    const nine = (child.stdio as readonly unknown[])[9] as NodeJS.ReadableStream;
    const [stdout, through] = await Promise.all([textOf(child.stdout!), textOf(nine)]);
    expect(through).toBe('through nine');
    return stdout.replaceAll(/\/tmp\/sh-thd\S*/g, 'HERE');
  });
  expect(printed).toContain('through three through four through five');
  expect(printed).toMatch(/^9 socket:\[N\]/m);
});

test('a Node that starts it with an ipc channel can talk to it and hand it a server', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  onTestFinished(() => void server.close());
  await sameAsNode(async (command, env) => {
    const child = spawn(command[0]!, [...command.slice(1), 'message'], {
      env,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = Promise.all([once(child, 'disconnect'), once(child, 'exit')]);
    child.send({ number: 41 }, server);
    const [answer] = await once(child, 'message');
    expect(answer).toEqual({ number: 42, listens: port, connected: true });
    expect((await ended)[1]).toEqual([0, null]);
    return '';
  });
});

test('nothing of the stub is open in the program but its locks, and not even those in what it starts', async () => {
  const of = async (command: readonly string[], base: string) => {
    const { stdout } = await run(command[0]!, [...command.slice(1), 'open'], {
      env: { ...env, SARMA_CACHE_DIR: base },
    });
    return JSON.parse(stdout) as { open: { to: string; flags: number }[]; ofChild: string };
  };
  const inOrder = (list: readonly { to: string; flags: number }[]) =>
    list.map(({ to, flags }) => `${to} ${flags.toString(8)}`).sort();
  const plain = await of([process.execPath, path.join(program.directory, 'main.js')], '');
  for (const base of [await temporaryDirectory(), env.SARMA_CACHE_DIR!]) {
    const wrapped = await of([file], base);
    const isLock = ({ to }: { to: string }) => to.startsWith(base);
    expect(inOrder(wrapped.open.filter((one) => !isLock(one)))).toEqual(inOrder(plain.open));
    const locks = wrapped.open.filter(isLock);
    expect(locks.map(({ to }) => path.basename(path.dirname(to))).sort()).toEqual(['releases', 'runtimes']);
    const closedOnExecution = 0o2000000;
    for (const { flags } of locks) expect(flags & closedOnExecution).toBe(closedOnExecution);
    expect(wrapped.ofChild).not.toContain(base);
  }
});

describe('what a process inherits is what plain Node would have', () => {
  const startedBy = async (shell: string, command: readonly string[], env: NodeJS.ProcessEnv) => {
    const { stdout, stderr, exitCode } = await run('bash', ['-c', shell, 'bash', ...command, 'inherited'], {
      env,
    });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    return stdout;
  };

  test('by default', async () => {
    await sameAsNode((command, env) => startedBy('exec "$@"', command, env));
  });

  test('limits, a small stack among them, and umask', async () => {
    const limits =
      'ulimit -S -s 400; ulimit -S -n 300; ulimit -n 400; ulimit -c 0; ulimit -S -u 5000; umask 027';
    const printed = await sameAsNode((command, env) => startedBy(`${limits}; exec "$@"`, command, env));
    expect(printed).toMatch(/^Max stack size +409600 /m);
    expect(printed).toMatch(/^Umask:\s+0027$/m);
  });

  test.skipIf(lacks('root', 'choom', 'chrt', 'taskset', 'setpriv'))(
    'niceness, scheduling, CPUs, the killer of processes, capabilities, groups',
    async () => {
      const odd = `nice -n 5 choom -n 300 -- chrt --batch 0 ${onOneCore().join(' ')} setarch --addr-no-randomize`;
      const less = 'setpriv --bounding-set=-sys_time --no-new-privs --groups 1234,1235';
      const printed = await sameAsNode((command, env) =>
        startedBy(`cd /; exec ${odd} ${less} "$@"`, command, env),
      );
      expect(printed).toMatch(new RegExp(`^Cpus_allowed_list:\\s+${oneCore()}$`, 'm'));
      expect(printed).toMatch(/^Groups:\s+1234 1235 $/m);
    },
  );

  test('signals that are ignored and blocked', async () => {
    const runtime = await signalReader();
    const wrapped = await wrapProgram(program, ['--runtime', runtime]);
    const odd = ['--ignore-signal=PIPE', '--ignore-signal=HUP', '--block-signal=USR2', '--block-signal=CHLD'];
    const printed = async (command: string) => (await run('env', [...odd, command], { env })).stdout;
    const plain = await printed(runtime);
    expect(plain).toMatch(/^SigIgn:\s+0*1001$/m);
    expect(plain).toMatch(/^SigBlk:\s+0*10800$/m);
    expect(await printed(wrapped)).toBe(plain);
    expect(await printed(wrapped)).toBe(plain);
  });
});

/** A runtime that prints what the kernel says of its signals: Node itself resets them when it starts. */
async function signalReader(): Promise<string> {
  return await compileRuntime(`
    #include <stdio.h>
    #include <string.h>
    int main(void) {
      char line[4096];
      FILE *status = fopen("/proc/self/status", "r");
      while (fgets(line, sizeof line, status))
        if (!strncmp(line, "Sig", 3) || !strncmp(line, "Shd", 3)) if (strncmp(line, "SigQ", 4)) fputs(line, stdout);
      return trace[0] == 'x';
    }`);
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}
