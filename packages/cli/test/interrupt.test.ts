import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { addonFile } from '../../wrapper/test/support/addon-file.ts';
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

test('what has failed because Ctrl-C ended a child, too, is told as interrupted', async () => {
  const own = pathToFileURL(path.resolve(import.meta.dirname, '../src/interrupt.ts')).href;
  const script = `
    import { interruptible } from ${JSON.stringify(own)};
    const work = async () => {
      process.kill(process.pid, 'SIGINT');
      throw new Error('The service was stopped');
    };
    await interruptible(work).catch(({ message }) => console.log(message));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  expect(await ended(child)).toMatchObject({ stdout: 'Interrupted.\n', exitCode: 0 });
});

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

test.each([
  ['signs', (command: unknown) => ({ macos: { sign: command } }), {}],
  ['rebuilds an addon', (command: unknown) => ({ addons: { rebuild: command } }), { fast: '1.0.0' }],
])(
  'Ctrl-C while a command %s ends it, and leaves nothing of what it had',
  async (_, wrapOf, dependencies) => {
    const directory = await folder({
      'package.json': JSON.stringify({ ...JSON.parse(hello['package.json']), dependencies }),
      'main.js': '',
      'node_modules/fast/package.json': JSON.stringify({ name: 'fast', version: '1.0.0' }),
      'node_modules/fast/index.js': '',
      'node_modules/fast/build/Release/fast.node': addonFile('x86_64-linux-gnu'),
    });
    const working = path.join(directory, 'working');
    const script = 'fs.writeFileSync(process.argv[1], String(process.pid)); setInterval(() => {}, 1000);';
    const command = [process.execPath, '-e', `const fs = require('node:fs'); ${script}`, working, '{target}'];
    const config = { releases: { hello: { wrap: wrapOf(command) } } };
    await writeFile(path.join(directory, 'sarma.config.json'), JSON.stringify(config));
    await writeNodes(path.join(directory, 'nodes'), { 'darwin-arm64': '24.1.0' });
    const argv = ['wrap', '--json', '-t', 'darwin-arm64', '--runtime', './nodes/{target}'];
    const child = start([...argv, '--compression', 'fast'], {
      directory,
      environment: { SARMA_BUILD_CACHE: path.join(directory, 'cache') },
    });
    const waiting = setInterval(() => {
      if (!existsSync(working)) return;
      clearInterval(waiting);
      child.kill('SIGINT');
    }, 20);
    const { exitCode, stdout } = await ended(child);
    clearInterval(waiting);
    expect(stdout).toMatch(/"code":"INTERRUPTED"/);
    expect(exitCode).toBe(130);
    const left = await readdir(path.join(directory, 'burrito_out')).catch(() => []);
    expect(left).toEqual([]);
    const pid = Number(await readFile(working, 'utf8'));
    // Whoever is process 1 takes its time to bury it.
    await expect.poll(() => isThere(pid)).toBe(false);
  },
);

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
