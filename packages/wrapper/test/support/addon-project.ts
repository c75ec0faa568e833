import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { type AddonRequest, addonFinder } from '../../src/addons/find-addons.ts';
import type { TargetAddons } from '../../src/addons/found.ts';
import { releasePackages } from '../../src/addons/packages.ts';
import { hashFile, openBuildCache } from '../../src/build-cache.ts';
import type { Command } from '../../src/command.ts';
import type { WrapEvent } from '../../src/events.ts';
import { shippedTargets } from '../../src/targets.ts';
import { type Mirror, serve } from './node-mirror.ts';

type Content = string | Buffer;
type Json = Readonly<Record<string, unknown>>;

/** A project, the release that was made of it, and a registry for what it lacks. */
export interface AddonProject {
  readonly directory: string;
  readonly registry: Mirror;
  readonly events: WrapEvent[];
  /** Puts a package into the release. */
  install(place: string, manifest: Json, files?: Readonly<Record<string, Content>>): Promise<void>;
  link(place: string, target: string): Promise<void>;
  /** Puts a package into the registry; returns what its tarball hashes to. */
  publish(manifest: Json, files?: Readonly<Record<string, Content>>): Promise<string>;
  write(file: string, content: Content): Promise<void>;
  find(target: string, options?: FindOptions): Promise<TargetAddons>;
  close(): Promise<void>;
}

interface FindOptions extends Pick<AddonRequest, 'offline' | 'frozen' | 'lookOnly' | 'signal'> {
  readonly rebuild?: Command;
  readonly skip?: readonly string[];
  readonly keep?: readonly string[];
  /** Default: a file that has nothing but what a runtime is asked for. */
  readonly runtime?: string;
}

export async function addonProject(): Promise<AddonProject> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sarma-addons-'));
  const root = path.join(directory, 'release');
  const cache = openBuildCache({ directory: path.join(directory, 'cache') });
  const registry = await serve();
  const events: WrapEvent[] = [];
  const installed: { path: string; firstParty: boolean }[] = [];
  const write = async (file: string, content: Content) => {
    const place = path.join(directory, file);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, content);
  };
  return {
    directory,
    registry,
    events,
    write,
    install: async (place, manifest, files = {}) => {
      installed.push({ path: place, firstParty: !place.includes('node_modules') });
      const all = { 'package.json': JSON.stringify(manifest), ...files };
      for (const [name, content] of Object.entries(all)) await write(`release/${place}/${name}`, content);
    },
    link: async (place, target) => {
      const file = path.join(root, place);
      await mkdir(path.dirname(file), { recursive: true });
      await symlink(path.relative(path.dirname(file), path.join(root, target)), file);
    },
    publish: (manifest, files) => publishPackage(registry, manifest, files),
    find: async (name, { rebuild, skip = [], keep = [], runtime: given, ...options } = {}) => {
      const find = addonFinder({
        project: directory,
        cache,
        onEvent: (event) => events.push(event),
        env: { HOME: directory, npm_config_registry: `${registry.url}/` },
        ...options,
      });
      // What a runtime is asked for is its NODE_MODULE_VERSION.
      const runtime = given ?? path.join(directory, 'node');
      if (given === undefined) await writeFile(runtime, 'node_register_module_v137\0');
      return await find(releasePackages(root, installed), {
        target: shippedTargets.get(name)!,
        runtime: { version: '24.11.0', file: runtime },
        settings: { rebuild, skip, keep },
      });
    },
    close: async () => {
      await registry.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function publishPackage(
  registry: Mirror,
  manifest: Json,
  files: Readonly<Record<string, Content>> = {},
): Promise<string> {
  const { name, version } = manifest as { name: string; version: string };
  const tarball = await tarOf({ 'package/package.json': JSON.stringify(manifest), ...prefixed(files) });
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const at = `/${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
  registry.files.set(at, tarball);
  const address = `/${name.replace('/', '%2f')}`;
  const old = registry.files.get(address);
  const versions = old instanceof Buffer ? (JSON.parse(old.toString()) as { versions: Json }).versions : {};
  const dist = { tarball: `${registry.url}${at}`, integrity };
  const metadata = { name, versions: { ...versions, [version]: { ...manifest, dist } } };
  registry.files.set(address, Buffer.from(JSON.stringify(metadata)));
  return integrity;
}

function prefixed(files: Readonly<Record<string, Content>>) {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`package/${name}`, content]));
}

/** A tar.gz; names that begin with `bin/` can be executed. */
export async function tarOf(files: Readonly<Record<string, Content>>): Promise<Buffer> {
  const tar = pack();
  const whole = buffer(tar);
  for (const [name, content] of Object.entries(files))
    tar.entry({ name, mode: name.includes('/bin/') ? 0o755 : 0o644 }, content);
  tar.finalize();
  return await promisify(gzip)(await whole);
}

export { hashFile };
