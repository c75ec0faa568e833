// What a program has started and left behind (promise P8): nobody takes away the install that it runs from.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { installsIn } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';

const UNINSTALL = ['maintenance', 'uninstall', '--yes'];
const PRUNE = ['maintenance', 'prune'];

/** Versions that keep no other. */
const files: string[] = [];

beforeAll(async () => {
  for (const version of ['1.0.0', '2.0.0']) {
    const program = await makeProgram(
      { name: 'parent', version, bin: 'main.js', sarma: { wrap: { keep: 1 } } },
      {
        'main.js': `
          const { fork, spawn } = require('node:child_process');
          const [how, ready, go] = process.argv.slice(2);
          const options = { detached: true, stdio: 'ignore' };
          const here = { ...options, cwd: __dirname };
          if (how !== undefined) {
            const child = {
              fork: () => fork(__dirname + '/child.js', ['fork', ready, go], { ...options, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
              directory: () => spawn(process.execPath, ['child.js', 'directory', ready, go], here),
              url: () => spawn(process.execPath, ['--import=file://' + __dirname + '/child.js', '-e', '0', 'url', ready, go], options),
              title: () => spawn(process.execPath, [__dirname + '/child.js', 'title', ready, go], options),
            }[how]();
            child.unref();
            if (child.connected) child.disconnect();
          }
        `,
        'child.js': `
          const fs = require('node:fs');
          const [how, ready, go] = process.argv.slice(-3);
          if (how === 'title') process.title = 'a daemon of its own';
          fs.writeFileSync(ready + '.new', String(process.pid));
          fs.renameSync(ready + '.new', ready);
          fs.readFileSync(go);
          fs.writeFileSync(ready, require('./late.js'));
        `,
        'late.js': `module.exports = 'late ${version}';`,
      },
    );
    files.push(await wrapProgram(program));
  }
});

test.each([
  ['forked', 'fork'],
  ['in a directory of the program', 'directory'],
  ['that loads a module of the program by its URL', 'url'],
  ['that has given itself a title, as daemons do', 'title'],
])('a detached child %s keeps the install of a program that has ended', async (_, how) => {
  const place = await temporaryDirectory();
  const [base, ready, go] = ['base', 'ready', 'go'].map((name) => path.join(place, name)) as [
    string,
    string,
    string,
  ];
  const environment = { SARMA_CACHE_DIR: base };
  await execa('mkfifo', [go]);
  expect(await run(files[0]!, [how, ready, go], { env: environment })).toMatchObject({
    exitCode: 0,
    stderr: '',
  });
  await expect.poll(() => existsSync(ready)).toBe(true);
  const pid = Number(await readFile(ready, 'utf8'));
  try {
    const { releases } = await installsIn(base);
    expect(await run(files[1]!, [], { env: environment })).toMatchObject({ exitCode: 0, stderr: '' });
    await run(files[1]!, PRUNE, { env: environment });
    expect((await installsIn(base)).releases).toEqual(expect.arrayContaining([...releases]));
    expect(await run(files[0]!, UNINSTALL, { env: environment })).toMatchObject({
      stderr: `parent: it is running (process ${pid}); stop it first\n`,
      exitCode: 125,
    });
  } finally {
    await writeFile(go, '');
  }
  await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  expect(await readFile(ready, 'utf8')).toBe('late 1.0.0');
  expect(await run(files[0]!, UNINSTALL, { env: environment })).toMatchObject({ exitCode: 0 });
  expect(existsSync(base)).toBe(false);
});
