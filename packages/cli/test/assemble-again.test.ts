import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { hostTarget } from './support/host.ts';
import { folder, sarma } from './support/sarma.ts';

// A directory is assembled again while a node runs from it.

const ROOT = '_build/prod/rel/store';

async function service() {
  const directory = await folder({
    'late.js': "export default 'loaded late';\n",
    'a.js': `export default { start: () => ({ timer: setInterval(() => {}, 1000), late: () => import('./late.js') }) };\n`,
    'sarma.config.json': JSON.stringify({ runtime: { include: false }, steps: ['assemble', 'tar'] }),
  });
  const assemble = async (version: string, ...words: readonly string[]) => {
    const manifest = { name: 'store', version, type: 'module', sarma: { application: './a.js' } };
    await writeFile(path.join(directory, 'package.json'), JSON.stringify(manifest));
    return await sarma(['assemble', ...words], { directory });
  };
  const env = { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` };
  const node = async (...words: readonly string[]) =>
    (await promisify(execFile)(path.join(directory, ROOT, 'bin/store'), words, { env })).stdout.trim();
  const archive = (version: string) =>
    path.join(directory, `burrito_out/store-${version}-${hostTarget}.tar.gz`);
  const start = async () => {
    await node('daemon');
    onTestFinished(async () => void (await node('stop')));
  };
  return { directory, assemble, node, archive, start };
}

test('a version that a service was upgraded to runs on, and can be started, when its directory is assembled again', async () => {
  const { directory, assemble, node, archive, start } = await service();
  await assemble('0.2.0');
  await assemble('0.1.0');
  await start();
  await node('upgrade', archive('0.2.0'));
  expect((await assemble('0.3.0')).exitCode).toBe(0);
  expect(await node('rpc', "(await stateOf('store').late()).default")).toBe("'loaded late'");
  expect(await node('versions')).toMatch(/^0\.3\.0 .* permanent\n0\.2\.0 .* provisional, store runs/);
  await node('restart');
  expect(await node('describe')).toContain('version 0.2.0, provisional');
  await node('upgrade', '--now', '0.3.0');
  expect(await node('describe')).toContain('store 0.3.0  permanent  running');
  expect(await readdir(path.join(directory, ROOT, 'versions'))).toContain('0.2.0');
});

test('a version from which a service may run is not assembled again while it runs', async () => {
  const { directory, assemble, node, archive, start } = await service();
  await assemble('0.2.0');
  await assemble('0.1.0');
  await start();
  await node('upgrade', archive('0.2.0'));
  const refused = await assemble('0.2.0');
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(
    /store runs from .*rel\/store \(PID \d+\), where 0\.2\.0 is already, in .*versions\/0\.2\.0: another 0\.2\.0 would take its place\. Give the new one another version, or stop store first: .*bin\/store stop/,
  );
  expect(await node('rpc', "(await stateOf('store').late()).default")).toBe("'loaded late'");
  await node('stop');
  expect((await assemble('0.2.0')).exitCode).toBe(0);
  expect(existsSync(path.join(directory, ROOT, 'versions/0.2.0'))).toBe(false);
  await node('daemon');
});

test('restart takes another version that was assembled in the place of the one that runs', async () => {
  const { assemble, node, start } = await service();
  await assemble('0.1.0');
  await start();
  await assemble('0.2.0');
  await node('restart');
  expect(await node('describe')).toContain('store 0.2.0');
  expect(await node('versions')).toMatch(/^0\.2\.0 .* permanent, store runs/);
});

test('what a service was upgraded to is in no archive of the next version', async () => {
  const { assemble, node, archive, start } = await service();
  await assemble('0.2.0');
  await assemble('0.1.0');
  await start();
  await node('upgrade', archive('0.2.0'));
  await assemble('0.3.0');
  const { stdout } = await promisify(execFile)('tar', ['-tzf', archive('0.3.0')]);
  expect(stdout).toContain('releases/0.3.0/release.json');
  expect(stdout).not.toContain('versions');
});
