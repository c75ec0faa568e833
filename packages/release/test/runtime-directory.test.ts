import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { includeRuntime } from '../src/runtime-directory.ts';
import { project } from './support/project.ts';

const files = {
  node: '#!/bin/sh\necho v24.1.2\n',
  'rel/releases/start.json': { version: '0.1.0', runtime: null },
};

test('a runtime is linked into the release, which then names it', async () => {
  const root = project(files);
  const [release, file] = [path.join(root, 'rel'), path.join(root, 'node')];
  // Twice, since a release may be assembled for a runtime that it has already.
  for (const windows of [false, false]) await includeRuntime(release, { version: '24.1.2', file, windows });
  const node = path.join(release, 'runtime-24.1.2/bin/node');
  expect(execFileSync(node, { encoding: 'utf8' })).toBe('v24.1.2\n');
  expect(statSync(node)).toMatchObject({ ino: statSync(file).ino, nlink: 2 });
  const start = path.join(release, 'releases/start.json');
  expect(readFileSync(start, 'utf8')).toBe(
    '{\n  "version": "0.1.0",\n  "runtime": "runtime-24.1.2/bin/node"\n}\n',
  );
  await includeRuntime(release, { version: '24.1.2', file, windows: true });
  expect(JSON.parse(readFileSync(start, 'utf8')).runtime).toBe('runtime-24.1.2/node.exe');
  expect(execFileSync('find', [release, '-name', '*.tmp'], { encoding: 'utf8' })).toBe('');
});

test('a runtime that cannot be executed is copied, and can be then', async () => {
  const root = project(files);
  chmodSync(path.join(root, 'node'), 0o444);
  await includeRuntime(path.join(root, 'rel'), {
    version: '24.1.2',
    file: path.join(root, 'node'),
    windows: false,
  });
  expect(execFileSync(path.join(root, 'rel/runtime-24.1.2/bin/node'), { encoding: 'utf8' })).toBe(
    'v24.1.2\n',
  );
  expect(statSync(path.join(root, 'node')).mode & 0o777).toBe(0o444);
});

test.runIf(statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory())(
  'a runtime on another file system is copied',
  async () => {
    const root = project(files);
    const file = path.join('/dev/shm', `${path.basename(path.dirname(root))}-node`);
    execFileSync('cp', [path.join(root, 'node'), file]);
    try {
      await includeRuntime(path.join(root, 'rel'), { version: '24.1.2', file, windows: false });
    } finally {
      execFileSync('rm', [file]);
    }
    expect(execFileSync(path.join(root, 'rel/runtime-24.1.2/bin/node'), { encoding: 'utf8' })).toBe(
      'v24.1.2\n',
    );
  },
);
