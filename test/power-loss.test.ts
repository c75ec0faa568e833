// A loss of power before an install was on the disk (promise P7). What all can be torn, and when: power-loss.long.test.ts.
import { stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { listing, marker, onlyInstall } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { restarted, type Surroundings } from './support/surroundings.ts';
import { TORN } from './support/torn.ts';

const expected = { stdout: 'hello\n', stderr: '', exitCode: 0, signal: undefined };

test.skipIf(lacks('mounts'))(
  'what was torn by a loss of power is never executed; what was synced is not read again',
  async () => {
    const program = await makeProgram(
      { name: 'power', bin: 'main.js' },
      { 'main.js': "console.log('hello');" },
    );
    const file = await wrapProgram(program);
    const base = await temporaryDirectory();
    const start = async (under: Surroundings = []) =>
      await run(file, [], { env: { SARMA_CACHE_DIR: base }, under });
    expect(await start()).toEqual(expected);
    const whole = await listing(base);
    const { release, runtime } = await onlyInstall(base);
    const entry = path.join(release, 'lib/power-1.0.0/main.js');

    for (const name of [entry, path.join(runtime, 'bin/node')]) await TORN['nothing but zeros'](name);
    expect(await start(await restarted())).toEqual(expected);
    expect(await listing(base)).toEqual(whole);

    const ofMarker = path.join(release, '.sarma/marker');
    await TORN['nothing but zeros'](ofMarker);
    await TORN['a page of zeros'](entry);
    expect(await start()).toEqual(expected);
    expect(await listing(base)).toEqual(whole);

    expect((await marker(release)).get('durable')).toBe('1');
    const { mtime } = await stat(entry);
    await writeFile(entry, "console.log('HELLO');");
    await utimes(entry, mtime, mtime);
    expect((await start(await restarted())).stdout).toBe('HELLO\n');
  },
);
