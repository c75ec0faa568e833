import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { putInPlace } from '../src/put-in-place.ts';
import { project, write } from './support/project.ts';

const start = { 'releases/start.json': '{}' };

function build(files: Readonly<Record<string, string>> = {}) {
  return async (directory: string): Promise<void> => write(directory, { ...start, ...files });
}

/** What lies beside a release. */
function beside(target: string): readonly string[] {
  return readdirSync(path.dirname(target)).filter((name) => name.startsWith('.'));
}

test('a directory is replaced, and the state of its node stays', async () => {
  const target = path.join(project({}), 'rel');
  expect(await putInPlace(target, '0.1.0', build({ 'bin/old': '', 'var/db': 'from an overlay' }))).toBe(
    false,
  );
  write(target, { 'var/db': 'state' });
  expect(await putInPlace(target, '0.1.0', build({ 'bin/new': '', 'var/db': 'from an overlay' }))).toBe(true);
  expect(readdirSync(path.join(target, 'bin'))).toEqual(['new']);
  expect(readFileSync(path.join(target, 'var/db'), 'utf8')).toBe('state');
  expect(beside(target)).toEqual([]);
});

test('versions that it was upgraded to stay, but for an earlier one of the same version', async () => {
  const target = path.join(project({}), 'rel');
  await putInPlace(target, '0.1.0', build());
  const later = { ...start, 'lib/code.js': 'taken by an upgrade' };
  for (const version of ['0.2.0', '0.3.0']) write(path.join(target, 'versions', version), later);
  write(target, { 'versions/.1.0123456789ab.tmp/lib/code.js': 'not yet one' });
  await putInPlace(target, '0.3.0', build({ 'versions/notes.txt': 'from an overlay' }));
  expect(readdirSync(path.join(target, 'versions')).sort()).toEqual(['0.2.0', 'notes.txt']);
  expect(readFileSync(path.join(target, 'versions/0.2.0/lib/code.js'), 'utf8')).toBe('taken by an upgrade');
  expect(beside(target)).toEqual([]);
});

test.each([
  ['folders', 'mkdirSync(log, { recursive: true });'],
  ['folders and files', "mkdirSync(log, { recursive: true }); writeFileSync(log + '/text', '');"],
])('no state is lost to a process that makes its %s again all the time', async (_, step) => {
  const target = path.join(project({}), 'rel');
  await putInPlace(target, '0.1.0', build());
  write(target, { 'var/db': 'state' });
  const loop = `const { mkdirSync, writeFileSync } = require('fs');
    const log = ${JSON.stringify(path.join(target, 'var/log'))};
    process.stdout.write('going');
    for (;;) try { ${step} } catch (error) { if (error.code !== 'ENOENT') throw error; }`;
  const child = spawn(process.execPath, ['-e', loop], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  let state = target;
  for (let count = 0; state === target && count < 300; count++)
    await putInPlace(target, '0.1.0', build()).catch((error: Error & { code?: string }) => {
      expect(error).toMatchObject({ code: 'STATE_TWICE' });
      state = path.join(path.dirname(target), beside(target)[0]!);
      expect(error.message).toContain(path.join(state, 'var'));
    });
  expect(readFileSync(path.join(state, 'var/db'), 'utf8')).toBe('state');
});
