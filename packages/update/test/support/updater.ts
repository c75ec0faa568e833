import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UpdateSettings } from '@sarma/update';
import { afterAll, expect } from 'vitest';
import {
  openPublishingPlace,
  type PublishingPlace,
  publishVersion,
  type Served,
  type SigningKey,
} from '../../../../test/support/publishing.ts';
import { type RunOptions, run, type Transcript, temporaryDirectory } from '../../../../test/support/run.ts';
import { bundleModule } from '../../../release/src/boot/bundle-module.ts';
import { makeExecutable, noise } from './executables.ts';

/** The same in every version, as Node mostly is. */
export const RUNTIME = noise('runtime', 2_000_000);

/** A version of `hello`, as small as can be. */
export function hello(version: string, script?: string): Buffer {
  const frames = [RUNTIME, noise(`release ${version}`, 100_000)];
  return makeExecutable({ version, frames, ...(script !== undefined && { script }) });
}

/** Publishes versions of `hello`. */
export async function publish(
  place: Pick<PublishingPlace, 'folder' | 'key'>,
  version: string,
  bytes = hello(version),
): Promise<void> {
  const file = path.join(await temporaryDirectory(), 'hello');
  await writeFile(file, bytes);
  await publishVersion(place, 'hello', version, [{ executable: file, target: 'linux-x64' }]);
}

/** Where 0.9.0, 1.0.0 and 1.1.0 are published, for the tests of a file. */
export async function publishedHello(): Promise<PublishingPlace> {
  const place = await openPublishingPlace();
  afterAll(() => place.close());
  for (const version of ['0.9.0', '1.0.0', '1.1.0']) await publish(place, version);
  return place;
}

/** Of what was served. */
export const bytesIn = (requests: readonly Served[]) => requests.reduce((sum, { bytes }) => sum + bytes, 0);

/** The updater of an installed version, as a release has it, with an executable that it updates. */
export interface Installed {
  readonly folder: string;
  readonly file: string;
  /** What runs it. */
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  update(args?: readonly string[], options?: RunOptions): Promise<Transcript>;
  rollback(args?: readonly string[], options?: RunOptions): Promise<Transcript>;
}

export interface InstallOptions {
  readonly version?: string;
  /** Where the executable lies. Default: a new folder. */
  readonly folder?: string;
  readonly settings?: Partial<UpdateSettings>;
  readonly keys?: readonly SigningKey[];
  readonly bytes?: Buffer;
  /** Where all of it lies, for other users: what tests make elsewhere may be below a home that is closed to them. */
  readonly root?: string;
}

let bundled: Promise<string> | undefined;

export async function install(
  place: Pick<PublishingPlace, 'url' | 'key'>,
  { version = '1.0.0', folder, settings, keys = [place.key], bytes, root }: InstallOptions = {},
): Promise<Installed> {
  const release = root === undefined ? await temporaryDirectory() : path.join(root, 'release');
  await mkdir(release, { recursive: true });
  await chmod(release, 0o755);
  bundled ??= bundleModule(fileURLToPath(import.meta.resolve('@sarma/update/main')));
  await writeFile(path.join(release, 'update.mjs'), await bundled);
  const complete: UpdateSettings = {
    ...{ name: 'hello', version, programs: { hello: 'main.js' }, channel: 'latest', kind: 'cli' },
    feed: { folder: { url: place.url } },
    publicKeys: keys.map(({ publicKey }) => publicKey),
    ...settings,
  };
  await writeFile(path.join(release, 'update.json'), JSON.stringify(complete));
  const where = folder ?? path.join(await temporaryDirectory(), 'bin');
  await mkdir(where, { recursive: true });
  const file = path.join(where, 'hello');
  await writeFile(file, bytes ?? hello(version), { mode: 0o755 });
  const node = root === undefined ? process.execPath : path.join(root, 'node');
  if (node !== process.execPath) await copyFile(process.execPath, node);
  const command = [node, path.join(release, 'update.mjs'), 'main.js'] as const;
  const env = { SARMA_BIN: file };
  const start = async (subcommand: string, args: readonly string[], options: RunOptions = {}) =>
    await run(command[0], [...command.slice(1), subcommand, '2', 'maintenance', subcommand, ...args], {
      ...options,
      env: { ...env, ...options.env },
    });
  return {
    ...{ folder: where, file, command: [...command], env },
    update: (args = [], options) => start('update', args, options),
    rollback: (args = [], options) => start('rollback', args, options),
  };
}

/** What an executable says that it is. */
export const versionOf = async (file: string) => (await run(file)).stdout.trim();
export const namesIn = async (folder: string) => (await readdir(folder)).sort();
export const AFTER_AN_UPDATE: readonly string[] = ['.hello.previous', 'hello'];

/** Nothing has changed, and nothing is left. */
export async function expectOld({ file, folder }: Installed): Promise<void> {
  expect(await versionOf(file)).toBe('1.0.0');
  expect(await namesIn(folder)).toEqual(['hello']);
}
