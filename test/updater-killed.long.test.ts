import { spawn } from 'node:child_process';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  AFTER_AN_UPDATE,
  hello,
  install,
  namesIn,
  publish,
} from '../packages/update/test/support/updater.ts';
import { openPublishingPlace } from './support/publishing.ts';

const ROUNDS = 120;

test('killed at any moment, an update leaves the old or the new version, whole, and the next one cleans up', {
  timeout: 600_000,
}, async () => {
  const place = await openPublishingPlace();
  await publish(place, '1.1.0');
  const [old, later] = [hello('1.0.0'), hello('1.1.0')];
  const { file, folder, command, env, update } = await install(place);
  const begin = Date.now();
  expect((await update()).exitCode).toBe(0);
  const whole = Date.now() - begin;
  const [program, ...args] = command;
  let kept = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await writeFile(file, old);
    const child = spawn(program, [...args, 'update', '2', 'maintenance', 'update'], {
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    await pause((whole * 1.2 * round) / ROUNDS);
    child.kill('SIGKILL');
    await ended;
    const found = await readFile(file);
    const isOld = found.equals(old);
    if (isOld) kept += 1;
    expect(isOld || found.equals(later)).toBe(true);
  }
  // Both happened.
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(ROUNDS);
  await writeFile(file, old);
  const before = Date.now() / 1000 - 7200;
  const left = (await namesIn(folder)).filter((name) => name.endsWith('.update'));
  for (const name of left) await utimes(path.join(folder, name), before, before);
  expect((await update()).exitCode).toBe(0);
  expect((await readFile(file)).equals(later)).toBe(true);
  expect(await namesIn(folder)).toEqual(AFTER_AN_UPDATE);
  place.close();
});
