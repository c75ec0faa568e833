import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type TestRelease, testRelease } from './support/release.ts';

const demo = () =>
  testRelease({
    applications: ['demo'],
    files: {
      'lib/demo/package.json': '{"type":"module"}',
      'lib/demo/counter.js': 'export const answer = 42;',
      'lib/demo/application.mjs': `
        globalThis.shared = { list: [1] };
        globalThis.inventory = { items: 7 };
        globalThis.report = () => [typeof require, typeof module, typeof fs, typeof globalThis._];
        export default { start() { console.log('ready'); return { port: 4000 }; } };`,
    },
  });

/** `remote` on a terminal of 80 × 24. */
function terminal(release: TestRelease, before = '') {
  const command = `stty cols 80 rows 24; ${before} exec '${process.execPath}' releases/0.1.0/boot.cjs remote`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: release.root,
    env: { PATH: process.env.PATH, HOME: release.root, TERM: 'xterm-256color', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let raw = '';
  let seen = 0;
  child.stdout.on('data', (chunk) => (raw += chunk));
  const ended = once(child, 'close').then(([code]) => code as number);
  return {
    ended,
    raw: () => raw,
    type: (keys: string) => child.stdin.write(keys),
    /** Waits for what the terminal shows, after what was waited for before. */
    async shows(expected: string) {
      await expect
        .poll(() => stripVTControlCharacters(raw.slice(seen)), { interval: 10 })
        .toContain(expected);
      seen = raw.length;
    },
  };
}

describe('on a terminal', () => {
  test('it says what it is connected to, evaluates in the node, and leaves it running', async () => {
    const release = await demo();
    const { child } = await release.start('ready');
    const { type, shows, raw, ended } = terminal(release);
    await shows(
      `Connected to demo 0.1.0 (PID ${child.pid}). This runs in the live node: what blocks here blocks it`,
    );
    await shows('demo> ');
    type('shared.list.push(2)\r');
    await shows('2\r\ndemo> ');
    expect(raw()).toContain('\u001b[33m2\u001b[39m'); // In colour.
    type('const { answer } = await import("./counter.js")\r');
    await shows('undefined\r\ndemo> ');
    type('answer + stateOf("demo").port\r');
    await shows('4042\r\ndemo> ');
    type('throw new Error("oh")\r');
    await shows('Uncaught Error: oh');
    type('function twice(n) {\r');
    type('return 2 * n }\r');
    await shows('undefined\r\ndemo> ');
    type('twice(4)\r');
    await shows('8\r\ndemo> ');
    type('\u0004');
    expect(await ended).toBe(0);
    expect((await release.run(['rpc', 'shared.list'])).stdout).toBe('[ 1, 2 ]\n');
  });

  test('Tab completes, the arrow brings back what was typed, also in the next session', async () => {
    const release = await demo();
    await release.start('ready');
    const first = terminal(release);
    await first.shows('demo> ');
    first.type('inven\t');
    await first.shows('inventory');
    first.type('.it\t');
    await first.shows('.items');
    first.type('\r');
    await first.shows('7\r\n');
    first.type('\u001b[A');
    await first.shows('inventory.items');
    first.type('\r.exit\r');
    expect(await first.ended).toBe(0);
    expect(readFileSync(path.join(release.root, 'var/repl_history'), 'utf8')).toBe('.exit\ninventory.items');
    const second = terminal(release);
    await second.shows('demo> ');
    second.type('\u001b[A\u001b[A');
    await second.shows('inventory.items');
    second.type('\r');
    await second.shows('7\r\n');
  });

  test('Ctrl-C gives the line up and not the session; twice it leaves, and the node runs on', async () => {
    const release = await demo();
    await release.start('ready');
    const { type, shows, ended } = terminal(release);
    await shows('demo> ');
    type('shared.list = "lost');
    await shows('lost');
    type('\u0003');
    await shows('demo> ');
    type('shared.list\r');
    await shows('[ 1 ]');
    type('\u0003');
    await shows('press Ctrl+C again');
    type('\u0003');
    expect(await ended).toBe(0);
    expect((await release.run(['ping'])).stdout).toBe('pong\n');
  });

  test('Ctrl-C leaves what is awaited to itself, and what was declared stays', async () => {
    const release = await demo();
    await release.start('ready');
    const { type, shows, raw, ended } = terminal(release);
    await shows('demo> ');
    type('let mine = 5\r');
    await shows('undefined\r\ndemo> ');
    type('await new Promise((resolve) => { globalThis.release = resolve })\r');
    await expect.poll(async () => (await release.run(['rpc', 'typeof release'])).stdout).toBe("'function'\n");
    type('\u0003');
    await shows('What is awaited goes on in the node; its result is not shown.\r\ndemo> ');
    type('release("late"), mine + 1\r');
    await shows('6\r\ndemo> ');
    expect(raw()).not.toContain("'late'");
    // At once, and with what comes to its end badly.
    type('await new Promise((_, reject) => { globalThis.refuse = reject })\r\u0003');
    await shows('What is awaited goes on in the node; its result is not shown.\r\ndemo> ');
    type('refuse(new Error("late")), 77\r');
    await shows('77\r\ndemo> ');
    expect(raw()).not.toContain('Error: late');
    type('\u0004');
    expect(await ended).toBe(0);
    expect((await release.run(['rpc', 'report()'])).stdout).toContain("[ 'undefined', 'undefined'");
  });

  test('Ctrl-D leaves, also while something is awaited and while the node is blocked', async () => {
    const release = await demo();
    await release.start('ready');
    const first = terminal(release);
    await first.shows('demo> ');
    first.type('globalThis.begun = 1, await new Promise(() => {})\r');
    await expect.poll(async () => (await release.run(['rpc', 'typeof begun'])).stdout).toBe("'number'\n");
    first.type('\u0004');
    expect(await first.ended).toBe(0);
    const second = terminal(release);
    await second.shows('demo> ');
    second.type('for (;;);\r');
    await second.shows('for (;;);');
    second.type('\u0004');
    await second.shows('does not answer; left. What blocks it goes on.');
    expect(await second.ended).toBe(0);
  });

  test('the node knows the size of the terminal, and of what it becomes', async () => {
    const release = await demo();
    await release.start('ready');
    // Names of 30 characters: two of them fit into a line of 80, one into a line of 40.
    const names = [1, 2].map((number) => `${'wide'.repeat(7)}_${number}`);
    await release.run(['rpc', `${names.map((name) => `globalThis.${name} = 1`).join('; ')}`]);
    const { type, shows, raw } = terminal(release, '(sleep 1; stty cols 40 </dev/tty) &');
    await shows('demo> ');
    type('wide\t');
    await shows('wide_');
    type('\t');
    await shows(`${names[0]}  ${names[1]}`);
    await expect
      .poll(async () => {
        type('\t');
        await shows(`${names[0]}`);
        return raw().includes(`${names[0]}\r\r\n${names[1]}`);
      })
      .toBe(true);
  });

  test('Ctrl-Z does not stop the node', async () => {
    const release = await demo();
    await release.start('ready');
    const { type, shows } = terminal(release);
    await shows('demo> ');
    type('\u001a');
    await expect.poll(async () => (await release.run(['rpc', 'shared.list'])).stdout).toBe('[ 1 ]\n');
  });

  test('what the REPL makes global is gone when the last one is left', async () => {
    const release = await demo();
    await release.start('ready');
    const before = (await release.run(['rpc', 'report()'])).stdout;
    expect(before).toBe("[ 'undefined', 'undefined', 'undefined', 'undefined' ]\n");
    const [one, other] = [terminal(release), terminal(release)];
    for (const { shows } of [one, other]) await shows('demo> ');
    one.type('fs.constants.R_OK\r');
    await one.shows('4');
    one.type('\u0004');
    await one.ended;
    other.type('require("node:os").EOL + typeof fs\r');
    await other.shows("'\\nobject'");
    other.type('var mine = 5\r');
    await other.shows('undefined');
    other.type('\u0004');
    await other.ended;
    expect((await release.run(['rpc', 'report()'])).stdout).toBe(before);
    expect((await release.run(['rpc', 'mine'])).stdout).toBe('5\n');
  });

  test('a node that ends takes the session with it, and the terminal is as before', async () => {
    const release = await demo();
    await release.start('ready');
    const { type, shows, ended } = terminal(release);
    await shows('demo> ');
    type('process.exit(3)\r');
    await shows('The node has hung up');
    expect(await ended).toBe(1);
  });
});

describe('without a terminal', () => {
  test('it evaluates what comes in by a pipe and prints the values alone', async () => {
    const release = await demo();
    await release.start('ready');
    const child = release.spawn(['remote']);
    child.stdin!.end(
      '1 + 1\nconst x = await Promise.resolve(3)\nx * 2\n(await import("./counter.js")).answer\n',
    );
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      once(child, 'close'),
    ]);
    expect({ stdout, stderr, code }).toEqual({ stdout: '2\nundefined\n6\n42\n', stderr: '', code: 0 });
    expect(existsSync(path.join(release.root, 'var/repl_history'))).toBe(false);
  });

  test('what is thrown is printed where it belongs, and the next line is taken', async () => {
    const release = await demo();
    await release.start('ready');
    const child = release.spawn(['remote']);
    child.stdin!.end(
      'await Promise.reject(new Error("late"))\n2\nnull.x\nfunction f(n) {\nreturn n\n}\nf(3)\n1 +\n1',
    );
    const [stdout, [code]] = await Promise.all([text(child.stdout!), once(child, 'close')]);
    expect(stdout).toMatch(
      /^Uncaught Error: late\n(?: {4}at .*\n)*2\nUncaught TypeError: .*\(reading 'x'\)\n.*/,
    );
    expect(stdout).toMatch(/undefined\n3\n2\n$/);
    expect(stdout).not.toContain('/boot');
    expect(code).toBe(0);
  });

  test('where nothing runs, it says so', async () => {
    const release = await demo();
    expect(await release.run(['remote'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('demo is not running'),
    });
  });

  test('a client that is killed in the middle does not harm the node', async () => {
    const release = await demo();
    await release.start('ready');
    const child = release.spawn(['remote']);
    child.stdin!.write('setInterval(() => console.log("tick"), 5).unref(); 1\n');
    await once(child.stdout!, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect((await release.run(['rpc', 'shared.list'])).stdout).toBe('[ 1 ]\n');
  });
});
