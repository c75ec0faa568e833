import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { variables } from '../src/env-script.ts';
import { testRelease } from './support/release.ts';

const files = { 'lib/demo/application.mjs': 'export default { start() {} };' };

test('a runtime of another line is refused with a sentence', async () => {
  const demo = await testRelease({ files, boot: { nodeLine: 2 } });
  const { code, stdout, stderr } = await demo.run(['version']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^demo: demo 0\.1\.0 was made for Node 2, and this is Node \S+ \(.+\)\. Put Node 2 .*\n$/,
  );
});

// The one that Debian has; what matters is that it is older than what the release is made for.
const other = '/usr/bin/node';

test.skipIf(!existsSync(other))('an older runtime can read enough to say so', async () => {
  const demo = await testRelease({ files, boot: { nodeLine: 24 } });
  const { code, stderr } = await demo.run(['start'], { runtime: other });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^demo: demo 0\.1\.0 was made for Node 24, and this is Node .*\n$/);
});

test('a boot file that cannot be read is named', async () => {
  const demo = await testRelease({ files });
  const file = path.join(demo.root, 'releases/0.1.0/boot.json');
  await writeFile(file, '{ "name": ');
  expect(await demo.run(['version'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`${file} cannot be read:`),
  });
  await rm(file);
  expect((await demo.run(['version'])).stderr).toContain(`${file} cannot be read:`);
});

test('RELEASE_BOOT_SCRIPT names another one, but not that of a parent that is another release', async () => {
  const demo = await testRelease({ files });
  const other = await testRelease({ files, boot: { version: '9.9.9' } });
  const env = { RELEASE_BOOT_SCRIPT: path.join(other.root, 'releases/0.1.0/boot.json') };
  expect((await demo.run(['version'], { env })).stdout).toBe('demo 9.9.9\n');
  const inherited = { ...env, RELEASE_ROOT: other.root };
  expect((await demo.run(['version'], { env: inherited })).stdout).toBe('demo 0.1.0\n');
});

test('a reader that goes away is no failure', async () => {
  const commands = Array.from({ length: 2000 }, (_, index) => ({
    name: `c${index}`,
    module: 'none.mjs',
    description: 'x'.repeat(100),
  }));
  const demo = await testRelease({ files, boot: { commands } });
  const child = demo.spawn(['help']);
  child.stdout!.once('data', () => child.stdout!.destroy());
  let stderr = '';
  child.stderr!.on('data', (text) => (stderr += text));
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  expect(stderr).toBe('');
});

test('what env.bat has set is read from the output of cmd', () => {
  expect(variables('=C:=C:\\x\r\nPATH=a;b\r\nEQ=a=b\r\nEMPTY=\r\n')).toEqual([
    ['PATH', 'a;b'],
    ['EQ', 'a=b'],
    ['EMPTY', ''],
  ]);
});
