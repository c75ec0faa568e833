// `wrap --verify`: what was made for this machine is started where nothing of the project is. More is in
// start-check.long.test.ts.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkStart } from '../packages/wrapper/src/start-check.ts';
import { lacks } from './support/requirements.ts';
import { run } from './support/run.ts';
import { STARTED, scriptCheck, wrapVerified } from './support/start-check.ts';

describe.skipIf(lacks('mounts'))('with --verify', () => {
  test('a program that brings what it needs is started with --version, and leaves nothing', async () => {
    const { stdout, stderr, exitCode } = await wrapVerified({
      'main.js': `
        const { equal } = require('node:assert');
        const { readdirSync, readFileSync } = require('node:fs');
        equal(readFileSync(require('node:path').join(__dirname, 'beside.txt'), 'utf8'), 'beside');
        equal(readdirSync('.').length, 0);
        equal(Object.keys(process.env).sort().join(), 'HOME,SARMA_BIN');
        equal(process.argv.slice(2).join(), '--version');
        equal(readFileSync(0).length, 0);
      `,
      'beside.txt': 'beside',
    });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(STARTED.exec(stdout)?.[1]).toBe('hello --version');
  });

  test('one that dies of a signal is said to', async () => {
    const { stderr } = await wrapVerified({ 'main.js': `process.kill(process.pid, 'SIGSEGV');` });
    expect(stderr).toContain(
      'hello --version was ended by SIGSEGV in an empty directory, with the project hidden, and said nothing',
    );
  });
});

// It is about the check, and not about what is in an executable.
describe.skipIf(lacks('mounts'))('a start', () => {
  test('counts when the program still runs after the limit, and ends it with all it has started', async () => {
    const check = await scriptCheck('sleep 1234.5 & sleep 1234.5');
    expect(await checkStart({ ...check, limit: 300 })).toContain('started');
    expect(await readdir(path.join(check.cache.directory, 'tmp'))).toEqual([]);
    const left = await run('pgrep', ['-fx', 'sleep 1234.5']);
    expect(left.stdout).toBe('');
  });
});
