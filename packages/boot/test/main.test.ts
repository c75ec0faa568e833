import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { changedVariables } from '../src/env-script.ts';
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

test('a relative RELEASE_BOOT_SCRIPT lies in the working directory, and what it says is of this very root', async () => {
  const demo = await testRelease({ files, applications: ['demo'] });
  const text = await readFile(path.join(demo.root, 'releases/0.1.0/boot.json'), 'utf8');
  await writeFile(path.join(demo.root, 'mine.json'), text.replace('"0.1.0"', '"0.1.1"'));
  const env = { RELEASE_BOOT_SCRIPT: 'mine.json' };
  const { paths, version } = JSON.parse((await demo.run(['describe', '--json'], { env })).stdout);
  expect({ version, root: paths.root }).toEqual({ version: '0.1.1', root: demo.root });
});

test('a service takes nothing over from the release that started it, nor do its children', async () => {
  const application = `export default { start({ exit }) {
    const names = Object.keys(process.env).filter((name) => name.startsWith('RELEASE_')).sort();
    console.log(JSON.stringify({ node: process.env.RELEASE_NODE, state: process.env.RELEASE_MUTABLE_DIR, names }));
    exit();
  } };`;
  const demo = await testRelease({
    files: { 'lib/demo/application.mjs': application },
    applications: ['demo'],
  });
  const env = {
    RELEASE_ROOT: '/opt/other',
    RELEASE_NODE: 'other',
    RELEASE_MUTABLE_DIR: '/opt/other/var',
    RELEASE_COOKIE: 'theirs',
    RELEASE_LOG_FILE: '/opt/other/var/log/other.log',
    RELEASE_VM_ARGS: '/nowhere',
  };
  const { stdout, stderr } = await demo.run(['start'], { env });
  expect(stderr).toBe('');
  const { node, state, names } = JSON.parse(stdout);
  expect({ node, state }).toEqual({ node: 'demo', state: path.join(demo.root, 'var') });
  for (const name of ['RELEASE_COOKIE', 'RELEASE_LOG_FILE', 'RELEASE_VM_ARGS'])
    expect(names).not.toContain(name);
});

test('RELEASE_VSN and RELEASE_NAME, which others set too, say nothing of what runs', async () => {
  const demo = await testRelease({ files });
  const env = { RELEASE_VSN: '9.9.9', RELEASE_NAME: 'helm' };
  expect((await demo.run(['version'], { env })).stdout).toBe('demo 0.1.0\n');
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

test('what env.bat has set is read from the output of cmd, and nothing else is touched', () => {
  const text = '=C:=C:\\x\r\nPATH=a;b\r\nEQ=a=b\r\nEMPTY=\r\nOLD=ü\r\n';
  expect(changedVariables(text, { PATH: 'a', OLD: 'ü' })).toEqual({ PATH: 'a;b', EQ: 'a=b', EMPTY: '' });
});
