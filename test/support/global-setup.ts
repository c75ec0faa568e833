import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { cacheDirectory } from './home.ts';

/** Once before all tests: the stubs, `@sarma/app` and `@sarma/conform` are up to date, and there is a directory for everything that tests leave behind. */
export default async function setup(): Promise<() => Promise<void>> {
  const root = path.resolve(import.meta.dirname, '../..');
  await execa(process.execPath, ['--conditions=@sarma/source', 'scripts/build-stubs.ts'], { cwd: root });
  // Examples and tests have them as dependencies, as a user would.
  await execa('tsc', ['--build', 'packages/app', 'packages/conform'], { cwd: root, preferLocal: true });
  const caches = cacheDirectory();
  await mkdir(caches, { recursive: true });
  const directory = await mkdtemp(path.join(caches, 'sarma-test-'));
  process.env.SARMA_TEST_DIRECTORY = directory;
  return async () => {
    await rm(directory, { recursive: true, force: true });
  };
}
