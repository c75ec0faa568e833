import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { writeNodes } from '../../wrapper/test/support/darwin-node.ts';
import { publish, serve } from '../../wrapper/test/support/node-mirror.ts';
import { hostTarget, shippedMatrix } from './support/host.ts';
import { ended, folder, hello, start } from './support/sarma.ts';

/** What passes for an executable of ours: only those are replaced. It begins with a stamp (docs/format.md). */
const old = Buffer.concat([Buffer.from('\x89SARMA-STAMP\r\n\x1a\n\x01\0\0\0', 'latin1'), Buffer.alloc(4096)]);

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s in the middle leaves the old file and no temporary one, and exits with %i',
  async (signal, exitCode) => {
    const directory = await folder(hello);
    const cache = path.join(directory, 'cache');
    const output = path.join(directory, 'burrito_out', `hello_${hostTarget}`);
    await mkdir(path.dirname(output));
    await writeFile(output, old);
    const argv = ['wrap', '--json', '--runtime', process.execPath, '--compression', 'best'];
    const child = start(argv, { directory, environment: { SARMA_BUILD_CACHE: cache } });
    let signalled = false;
    child.stdout!.on('data', (text: Buffer) => {
      if (signalled || !text.includes('"type":"compress"')) return;
      signalled = true;
      // Twice, as npm passes on what the terminal has sent to both.
      child.kill(signal);
      child.kill(signal);
    });
    const { exitCode: found, stdout } = await ended(child);
    expect(signalled).toBe(true);
    expect(stdout).toMatch(/"code":"INTERRUPTED"/);
    expect(found).toBe(exitCode);
    const left = await readdir(directory, { recursive: true });
    expect(left.filter((name) => /\.tmp|\.old/.test(name))).toEqual([]);
    expect(await readdir(path.join(cache, 'tmp'))).toEqual([]);
    expect(await readFile(output)).toEqual(old);
  },
);

test('Ctrl-C in the middle of a download exits with 130 and leaves no part of it', async () => {
  const mirror = await serve();
  const { version } = process;
  const name = `node-${version}-${shippedMatrix.get(hostTarget)!.nodejs}`;
  const platform = hostTarget.replace(/^darwin-(.*)$/, 'osx-$1-tar');
  await publish(mirror, version.slice(1), [platform], { [name]: Buffer.from('never to be seen') });
  let dribbling: NodeJS.Timeout | undefined;
  mirror.files.set(`/dist/${version}/${name}`, (_request, response) => {
    dribbling = setInterval(() => response.write('drop'), 20);
  });
  const directory = await folder(hello);
  const cache = path.join(directory, 'cache');
  const child = start(['wrap', '--json', '--runtime', version.slice(1)], {
    directory,
    environment: { SARMA_BUILD_CACHE: cache, NODEJS_ORG_MIRROR: `${mirror.url}/dist` },
  });
  let signalled = false;
  child.stdout!.on('data', (text: Buffer) => {
    if (signalled || !text.includes('"type":"download"')) return;
    signalled = true;
    child.kill('SIGINT');
  });
  const { exitCode, stdout, stderr } = await ended(child);
  clearInterval(dribbling);
  await mirror.close();
  expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: '' });
  expect(stdout).toMatch(/"code":"INTERRUPTED"/);
  expect(await readdir(path.join(cache, 'tmp'))).toEqual([]);
});

test('Ctrl-C while a command signs ends it, and leaves nothing of what it had', async () => {
  const directory = await folder({
    ...hello,
    'sarma.config.json': JSON.stringify({
      releases: { hello: { wrap: { macos: { sign: [process.execPath, 'sign.cjs', '{file}'] } } } },
    }),
    'sign.cjs': 'require("node:fs").writeFileSync("signing", ""); setInterval(() => {}, 1000);',
  });
  await writeNodes(path.join(directory, 'nodes'), { 'darwin-arm64': '24.1.0' });
  const argv = [
    'wrap',
    '--json',
    '-t',
    'darwin-arm64',
    '--runtime',
    './nodes/{target}',
    '--compression',
    'fast',
  ];
  const child = start(argv, { directory, environment: { SARMA_BUILD_CACHE: path.join(directory, 'cache') } });
  const waiting = setInterval(() => {
    if (!existsSync(path.join(directory, 'signing'))) return;
    clearInterval(waiting);
    child.kill('SIGINT');
  }, 20);
  const { exitCode, stdout } = await ended(child);
  clearInterval(waiting);
  expect(stdout).toMatch(/"code":"INTERRUPTED"/);
  expect(exitCode).toBe(130);
  expect(await readdir(path.join(directory, 'burrito_out'))).toEqual([]);
});
