import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type TestRelease, testRelease } from './support/release.ts';

async function release(): Promise<TestRelease> {
  const application = `export default { start() {
    for (let line = 0; line < 30; line++) console.log('line', line);
    globalThis.answer = 42;
  } };`;
  const demo = await testRelease({
    files: { 'lib/demo/application.mjs': application },
    applications: ['demo'],
  });
  onTestFinished(async () => void (await demo.run(['stop'])));
  return demo;
}

async function attach(demo: TestRelease, input: string) {
  const child = spawn(process.execPath, [path.join(demo.root, 'releases/0.1.0/boot.cjs'), 'attach'], {
    env: { PATH: process.env.PATH, HOME: demo.root },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

test('attach shows the end of the log, then talks to the node', async () => {
  const demo = await release();
  await demo.run(['daemon']);
  const { code, stdout } = await attach(demo, 'answer + 1\n');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^--- .*\/var\/log\/demo\.log, its end:\nline 10\n/);
  expect(stdout).toMatch(/line 29\n---\n/);
  expect(stdout).toContain('43');
  expect((await demo.run(['ping'])).code).toBe(0);
});

test('a node that was started in the foreground has no log: that is said', async () => {
  const demo = await release();
  await demo.start('line 29');
  const { code, stdout, stderr } = await attach(demo, 'answer\n');
  expect(code).toBe(0);
  expect(stderr).toContain('only what was started with daemon has one');
  expect(stdout).toContain('42');
});

test('attach when nothing runs: exit 1', async () => {
  expect(await attach(await release(), '')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('demo is not running'),
  });
});
