import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { testRelease } from './support/release.ts';

/** A node with an application whose state can be asked for. */
const demo = () =>
  testRelease({
    applications: ['demo'],
    files: {
      'lib/demo/package.json': '{"type":"module"}',
      'lib/demo/counter.js': `let count = 0;
        export const add = (n) => (count += Number(n));
        export const fail = () => { throw new RangeError('too far'); };
        export default (...words) => words.join(' ');
        console.log('counter is loaded');`,
      'lib/demo/node_modules/three/index.js': 'module.exports = 3;',
      'lib/demo/application.mjs': `
        globalThis.shared = { list: [1] };
        export default { start() { console.log('ready'); return { port: 4000 }; } };`,
    },
  });

test('rpc evaluates in the running node, and prints the value as the REPL does', async () => {
  const release = await demo();
  await release.start('ready');
  const rpc = async (...args: string[]) => await release.run(['rpc', ...args]);
  expect(await rpc('shared.list.push(2); shared.list')).toEqual({
    stdout: '[ 1, 2 ]\n',
    stderr: '',
    code: 0,
    signal: null,
  });
  expect((await rpc('{ a: 1 }')).stdout).toBe('{ a: 1 }\n');
  expect((await rpc("'text'")).stdout).toBe("'text'\n");
  expect((await rpc('undefined')).stdout).toBe('');
  expect((await rpc('const { add } = await import("./counter.js"); add(2)')).stdout).toBe('2\n');
  expect((await rpc('(await import("./counter.js")).add(3)')).stdout).toBe('5\n');
  expect((await rpc('require("three")')).stdout).toBe('3\n');
  expect((await rpc('(await import("three")).default')).stdout).toBe('3\n');
  expect((await rpc('stateOf("demo")')).stdout).toBe('{ port: 4000 }\n');
  expect((await rpc('argv', '--', 'a', '--b')).stdout).toBe("[ 'a', '--b' ]\n");
  expect((await rpc('Promise.resolve(7)')).stdout).toBe('7\n');
});

test('await works at the top, and a value that is a promise is waited for', async () => {
  const release = await demo();
  await release.start('ready');
  const { stdout } = await release.run([
    'rpc',
    'const { add } = await import("./counter.js");\nawait add(1)\nadd(1)',
  ]);
  expect(stdout).toBe('2\n');
});

test('--json prints JSON: null for undefined, and a sentence for what has no JSON', async () => {
  const release = await demo();
  await release.start('ready');
  expect((await release.run(['rpc', '--json', '({ a: [1, undefined] })'])).stdout).toBe('{"a":[1,null]}\n');
  expect((await release.run(['rpc', '--json', 'undefined'])).stdout).toBe('null\n');
  for (const code of ['10n', '() => {}', 'globalThis']) {
    const { stderr, stdout, code: exitCode } = await release.run(['rpc', '--json', code]);
    expect(stderr).toContain('The value cannot be written as JSON');
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
  }
});

test("--file evaluates the caller's file, and - its standard input", async () => {
  const release = await demo();
  await release.start('ready');
  const file = path.join(release.root, 'task.js');
  writeFileSync(
    file,
    '#!/usr/bin/env node\nconst words = argv;\nconst { add } = await import("./counter.js");\nwords.map(add)\n',
  );
  expect((await release.run(['rpc', '--file', file, '1', '2'])).stdout).toBe('[ 1, 3 ]\n');
  const piped = release.spawn(['rpc', '--file=-']);
  piped.stdin!.end('shared.list');
  expect(await text(piped.stdout!)).toBe('[ 1 ]\n');
  expect((await release.run(['rpc', '--file', '/no/such.js'])).stderr).toMatch(
    /^demo: \/no\/such\.js cannot be read: /,
  );
});

test('--call calls a function of a module, with words or with the values of --argv', async () => {
  const release = await demo();
  await release.start('ready');
  const call = async (...args: string[]) => await release.run(['rpc', ...args]);
  expect((await call('--call', './counter.js#add', '4')).stdout).toBe('4\n');
  expect((await call('--mfa', './counter.js#add', '--argv', '[5]')).stdout).toBe('9\n');
  expect((await call('--call', './counter.js', 'a', '--json')).stdout).toBe("'a --json'\n");
  expect((await call('--json', '--argv', '{}', 'argv')).stderr).toContain('--argv expects a JSON array');
  expect((await call('--call', './counter.js#subtract')).stderr).toContain(
    './counter.js exports no function subtract; it has add, default, fail.',
  );
});

test('an exception is printed as stack on stderr, the exit code is 1, and the node lives', async () => {
  const release = await demo();
  await release.start('ready');
  const failed = await release.run(['rpc', '--call', './counter.js#fail']);
  expect(failed).toMatchObject({ stdout: '', code: 1 });
  expect(failed.stderr).toMatch(/^RangeError: too far\n\s+at .*fail \(file:.*counter\.js:3:/);
  expect(await release.run(['rpc', 'await Promise.reject("text")'])).toMatchObject({
    stderr: "'text'\n",
    code: 1,
  });
  expect((await release.run(['rpc', '1 +'])).stderr).toContain('SyntaxError');
  expect((await release.run(['ping'])).stdout).toBe('pong\n');
});

test('a stack holds the code and what it calls, and no frame of the boot; a SyntaxError its place alone', async () => {
  const release = await demo();
  await release.start('ready');
  const stderr = async (...args: string[]) =>
    (await release.run(['rpc', ...args])).stderr.replaceAll(`${release.root}/lib/demo/`, '');
  expect(await stderr('[1].map(() => null.x)')).toBe(
    "TypeError: Cannot read properties of null (reading 'x')\n    at rpc:1:20\n    at Array.map (<anonymous>)\n    at rpc:1:5\n",
  );
  expect(await stderr('--call', './counter.js#fail')).not.toMatch(/boot|node:vm/);
  expect(await stderr('throw new Error("outer", { cause: new Error("inner") })')).not.toMatch(/boot|node:vm/);
  expect(await stderr('let x = )')).toBe(
    "rpc:1\nlet x = )\n        ^\n\nSyntaxError: Unexpected token ')'\n",
  );
  expect(await stderr('await 1; let x = )')).toBe(
    "rpc:1\nawait 1; let x = )\n                 ^\n\nSyntaxError: Unexpected token ')'\n",
  );
});

test('an exception whose causes go round in a circle is printed, and the node lives', async () => {
  const release = await demo();
  await release.start('ready');
  const code =
    'const one = new Error("one"); const two = new Error("two", { cause: one }); one.cause = two; throw one';
  const { code: exitCode, stderr } = await release.run(['rpc', code]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/Error: one[\s\S]+Error: two/);
  expect((await release.run(['ping'])).stdout).toBe('pong\n');
});

test('console in the expression prints at the caller, what it calls prints in the node', async () => {
  const release = await demo();
  const { child } = await release.start('ready');
  let log = '';
  child.stdout!.on('data', (chunk) => (log += chunk));
  child.stderr!.on('data', (chunk) => (log += chunk));
  const { stdout, stderr } = await release.run([
    'rpc',
    'console.log("here", { a: 1 }); console.error("there"); await import("./counter.js"); 5',
  ]);
  expect({ stdout, stderr }).toEqual({ stdout: 'here { a: 1 }\n5\n', stderr: 'there\n' });
  expect(log).toBe('counter is loaded\n');
});

test('a client that goes away does not harm the node, and process.exit() ends it', async () => {
  const release = await demo();
  const { ended } = await release.start('ready');
  const client = release.spawn([
    'rpc',
    'console.log("on it"); await new Promise((r) => setTimeout(r, 300)); shared.list.push("done")',
  ]);
  await new Promise((resolve) => client.stdout!.once('data', resolve));
  client.kill('SIGKILL');
  await expect.poll(async () => (await release.run(['rpc', 'shared.list'])).stdout).toBe("[ 1, 'done' ]\n");
  const { code, stderr } = await release.run(['rpc', 'process.exit(3)']);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'demo: The node has hung up: it has ended, or was ended.\n',
  });
  expect((await ended).code).toBe(3);
});

test('without an expression, and with an option it does not have, it says what it expects', async () => {
  const release = await demo();
  for (const command of ['rpc', 'eval']) {
    expect(await release.run([command])).toMatchObject({
      code: 1,
      stderr: `demo: ${command} expects an expression as argument, as in: bin/demo ${command} '1 + 1'\n`,
    });
    expect((await release.run([command, '--jsn', '1'])).stderr).toContain(
      `${command} has no option --jsn; it has --json,`,
    );
  }
});

test('an expression that the shell has taken apart is refused, and --help is not evaluated', async () => {
  const release = await demo();
  for (const command of ['rpc', 'eval']) {
    for (const words of [
      ['1', '+', '1'],
      ['--argv', '[2]', '1', '+', '1'],
    ]) {
      expect(await release.run([command, ...words])).toMatchObject({
        code: 1,
        stdout: '',
        stderr: `demo: ${command} takes one expression, and "+" stands behind "1": put it in quotes, as in: bin/demo ${command} '1 + 1'. What follows -- is argv.\n`,
      });
    }
    for (const word of ['--help', '-h']) {
      const { code, stdout } = await release.run([command, word]);
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: bin/demo ${command} EXPRESSION [-- ARGUMENTS]`);
    }
  }
});

test('megabytes come through in both directions, and what is too much is said', async () => {
  const release = await demo();
  await release.start('ready');
  const file = path.join(release.root, 'large.js');
  writeFileSync(file, `/*${'x'.repeat(10_000_000)}*/ "y".repeat(10_000_000)`);
  expect((await release.run(['rpc', '--json', '--file', file])).stdout).toBe(`"${'y'.repeat(10_000_000)}"\n`);
  const { stderr, code } = await release.run(['rpc', '--json', '"y".repeat(50_000_000)']);
  expect({ stderr, code }).toEqual({
    code: 1,
    stderr: 'The value has 50000003 characters; more than 16777216 are not sent.\n',
  });
});

test('where nothing runs, it says so', async () => {
  const release = await demo();
  expect(await release.run(['rpc', '1'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('demo is not running'),
  });
});
