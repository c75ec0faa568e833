import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * A directory that `make` fills once in a run of the tests, for every file of tests that asks for it by the same key (a value
 * of JSON): the first one makes it, the others wait. Nobody changes what is in it. Rejects with what `make` does.
 */
export async function madeOnce(key: unknown, make: (directory: string) => Promise<void>): Promise<string> {
  const name = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 12);
  const directory = path.join(process.env.SARMA_TEST_DIRECTORY!, `once-${name}`);
  const making = `${directory}.making`;
  while (!existsSync(directory)) {
    if (await isFirst(making)) await makeThere(making, directory, make);
    else await pause(50);
  }
  return directory;
}

async function isFirst(making: string): Promise<boolean> {
  try {
    await mkdir(making);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

async function makeThere(
  making: string,
  directory: string,
  make: (directory: string) => Promise<void>,
): Promise<void> {
  try {
    // It may be there by now: whoever was faster has taken `making` away just before.
    if (existsSync(directory)) return;
    await make(making);
    await rename(making, directory);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}
