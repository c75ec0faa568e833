import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launcherPath } from '@sarma/stub';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openExecutable } from '../src/executable-file.ts';
import { hostTarget, loadTargets } from '../src/targets.ts';
import { wrap } from '../src/wrap.ts';
import { writeAssembled } from './support/assembled.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'service-'));
});
afterAll(async () => {
  await rm(root, { recursive: true });
});

const service = { name: 'kv', kind: 'service', entries: { kv: 'releases/1.0.0/boot.cjs' } };
const files = { 'releases/1.0.0/boot.cjs': '', 'bin/kv': '#!/bin/sh\n' };

/** Wraps a service for this machine and reads the result: its stamp, its manifest, and the release's tar. */
async function wrapped(release: Record<string, unknown>, more: Record<string, string> = {}) {
  const directory = await mkdtemp(path.join(root, 'r-'));
  await writeAssembled(directory, { ...service, ...release }, { ...files, ...more });
  const output = `${directory}.out`;
  const [outcome] = await wrap({
    directory,
    targets: [hostTarget(await loadTargets(root))],
    output,
    project: root,
    range: process.execPath,
    compression: 'none',
  });
  if ('error' in outcome!) throw outcome.error;
  const executable = await openExecutable(output);
  const frames = executable.manifest.frames.filter((frame) => frame.part === 'release');
  const tar = Buffer.concat(await Promise.all(frames.map(executable.stored))).toString('latin1');
  await executable.close();
  return { stamp: executable.stamp, manifest: executable.manifest, tar };
}

test('a service is executed by its boot file, with the settings of its release', async () => {
  const { stamp, manifest } = await wrapped({
    vmArgs: ['--max-old-space-size=200'],
    wrap: { keep: 5, maintenance: false, nodeOptions: 'ignore' },
  });
  expect(manifest.kind).toBe('service');
  expect(stamp).toMatchObject({
    keep: 5,
    maintenance: null,
    ignoreNodeOptions: true,
    service: true,
    shell: false,
  });
  expect(stamp.template).toEqual([
    { literal: '--max-old-space-size=200' },
    { path: 'releases/1.0.0/boot.cjs' },
  ]);
});

test('a release with a shell script is started by it', async () => {
  const { stamp } = await wrapped({ shell: true, vmArgs: ['--title=x'] });
  expect(stamp).toMatchObject({
    shell: true,
    entry: 'releases/1.0.0/boot.cjs',
    template: [{ path: 'bin/kv' }],
  });
});

test('what a directory has for its own host is not packed, and the launcher of the target is', async () => {
  const { manifest, tar, stamp } = await wrapped(
    {},
    {
      'runtime-24.0.0/bin/node': 'node',
      'var/log/kv.log': 'log',
      'bin/kv.exe': 'launcher of Windows',
      'releases/1.0.0/launcher': 'launcher of the build host',
      'lib/var/kept': '',
      'bin/helper.exe': 'an overlay',
      'runtime-conf/a': 'another',
    },
  );
  expect(manifest.files.map((file) => file.path)).toEqual([
    'bin/helper.exe',
    'bin/kv',
    'entry.js',
    'lib/var/kept',
    'releases/1.0.0/boot.cjs',
    'releases/1.0.0/compile-cache.cjs',
    'releases/1.0.0/guard.cjs',
    'releases/1.0.0/launcher',
    'releases/1.0.0/release.json',
    'releases/1.0.0/sbom.cdx.json',
    'releases/start.json',
    'runtime-conf/a',
  ]);
  const launcher = manifest.files.find((file) => file.path.endsWith('launcher'))!;
  const built = await readFile(launcherPath(stamp.target));
  expect(launcher).toMatchObject({ mode: 0o755, size: built.length });
  expect(tar).toContain('"runtime": null');
  expect(tar).not.toContain('runtime-24.0.0');
});
