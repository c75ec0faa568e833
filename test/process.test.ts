// The process a person starts is the program (promise P4): PID, descriptors, signals, streams and terminal.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram, type Program } from './support/programs.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';

let program: Program;
let file: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  program = await makeProgram(
    { name: 'process', bin: 'main.js' },
    {
      'main.js': `
        const actions = {
          pid: () => console.log(process.pid, process.ppid),
          wait() {
            process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(7); });
            setInterval(() => {}, 1000);
            console.log('ready');
          },
          cat: () => process.stdin.pipe(process.stdout),
          descriptors: () => console.log(require('node:fs').readFileSync(3, 'utf8')),
          terminal() {
            const { stdin, stdout } = process;
            console.log([stdin.isTTY, stdout.isTTY, stdout.columns, stdout.rows].join(' '));
            stdin.setRawMode(true);
            stdin.on('data', (bytes) => {
              console.log(JSON.stringify(bytes.toString()));
              if (bytes.includes('q')) { stdin.setRawMode(false); process.exit(5); }
            });
            console.log('press');
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

test('SIGTERM reaches the handler of the program, once', async () => {
  const child = spawn(file, ['wait'], { env });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
    if (output === 'ready\n') child.kill('SIGTERM');
  });
  const [code, signal] = await once(child, 'close');
  expect({ code, signal, output }).toEqual({ code: 7, signal: null, output: 'ready\ngot SIGTERM\n' });
});

test('a signal without a handler ends the program as that signal', async () => {
  const child = spawn(file, ['cat'], { env });
  child.kill('SIGINT');
  expect((await once(child, 'close'))[1]).toBe('SIGINT');
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

test('descriptor 3 is the one that was passed', async () => {
  const child = spawn(file, ['descriptors'], { env, stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  (child.stdio[3] as NodeJS.WritableStream).end('through three');
  const [line] = await once(child.stdout!, 'data');
  expect(String(line)).toBe('through three\n');
});

describe('under a terminal', () => {
  /** Types keys into a program that runs under a pty of 80 × 24, and returns what the terminal showed. */
  const session = async (command: string) => {
    const child = spawn('script', ['-qec', `stty cols 80 rows 24; exec ${command} terminal`, '/dev/null'], {
      env,
    });
    let screen = '';
    child.stdout.on('data', (chunk) => {
      screen += chunk;
      if (screen.endsWith('press\r\n')) child.stdin.write('a');
      if (screen.endsWith('"a"\r\n')) child.stdin.write('\u0003');
      if (screen.endsWith('"\\u0003"\r\n')) child.stdin.write('q');
    });
    const [code] = await once(child, 'close');
    return { code, screen };
  };

  test('the transcript is that of Node: size, raw mode, Ctrl-C as a key, exit code', async () => {
    const plain = await session(`${process.execPath} ${program.directory}/main.js`);
    expect(plain.screen).toContain('true true 80 24');
    expect(plain.screen).toContain('"\\u0003"');
    expect(plain.code).toBe(5);
    expect(await session(file)).toEqual(plain);
  });
});
