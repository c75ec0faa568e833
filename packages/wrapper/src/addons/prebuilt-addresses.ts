import path from 'node:path';
import type { Wanted } from '../native/fit.ts';
import type { PackageManifest } from '../packages/manifest.ts';
import type { Platform } from '../packages/platform.ts';

/** An archive with a package's addon for one machine, and where in the package it belongs. */
export interface PrebuiltArchive {
  readonly url: string;
  /** Relative to the package. */
  readonly into: string;
  /** Whether everything in it lies in a folder of no meaning. */
  readonly strip: boolean;
}

/** What `npm_config_NAME` or a `.npmrc` says. */
export type Setting = (name: string) => Promise<string | undefined>;

/** Where the install script of a package would look for its addon; undefined for one that looks nowhere. */
export async function prebuiltArchive(
  manifest: PackageManifest,
  platform: Platform,
  wanted: Wanted,
  setting: Setting,
): Promise<PrebuiltArchive | undefined> {
  const { installScript: script } = manifest;
  if (/\bprebuild-install\b/.test(script))
    return await prebuildInstall(manifest, script, platform, wanted, setting);
  if (/\bnode-pre-gyp\b/.test(script)) return await nodePreGyp(manifest, platform, wanted, setting);
  return undefined;
}

/** github.com/prebuild/prebuild-install: `getDownloadUrl` of util.js, options of rc.js. */
async function prebuildInstall(
  manifest: PackageManifest,
  script: string,
  platform: Platform,
  wanted: Wanted,
  setting: Setting,
): Promise<PrebuiltArchive | undefined> {
  const { name = '', version = '', binary, config } = manifest;
  const flag = (long: string, short: string) =>
    new RegExp(`prebuild-install\\b[^&|;]*?\\s(?:--${long}|-${short})[= ](\\S+)`).exec(script)?.[1];
  const runtime = flag('runtime', 'r') ?? text(config.runtime) ?? 'node';
  const abi = runtime === 'napi' ? nodeApiVersion(binary, wanted) : wanted.modules;
  if (abi === null || abi === undefined) return undefined;
  const usual = '{name}-v{version}-{runtime}-v{abi}-{platform}{libc}-{arch}.tar.gz';
  const prefix = `${name.replace(/[^a-zA-Z0-9]/g, '_').replace(/^_/, '')}_binary_host`;
  const mirror = (await setting(prefix)) ?? (await setting(`${prefix}_mirror`));
  const given = flag('download', 'd');
  const template = given?.startsWith('http')
    ? given
    : (mirrored(mirror, usual) ?? hosted(binary, usual) ?? onGithub(manifest, usual));
  if (template === undefined) return undefined;
  const unscoped = name.replace(/^@[^/]+\//, '');
  const url = fill(template, {
    ...versionParts(version),
    name: unscoped,
    package_name: unscoped,
    abi: String(abi),
    node_abi: String(wanted.modules),
    runtime,
    platform: platform.os,
    arch: platform.cpu,
    libc: platform.libc === 'musl' ? 'musl' : '',
    configuration: 'Release',
    module_name: text(binary.module_name) ?? '',
    tag_prefix: flag('tag-prefix', '-tag-prefix') ?? 'v',
  });
  return { url, into: '', strip: false };
}

function mirrored(mirror: string | undefined, usual: string): string | undefined {
  return mirror && `${mirror}/{tag_prefix}{version}/${usual}`;
}

function hosted(binary: Fields, usual: string): string | undefined {
  if (text(binary.host) === undefined) return undefined;
  return [binary.host, binary.remote_path, text(binary.package_name) ?? usual]
    .map((part) => (text(part) ?? '').replace(/^\.\/|^\/|\/$/g, ''))
    .filter((part) => part !== '')
    .join('/');
}

function onGithub({ repository, homepage }: PackageManifest, usual: string): string | undefined {
  const found = /\bgithub\.com[:/]([^/"]+)\/([^/"#]+)/.exec(JSON.stringify([repository, homepage]));
  if (found === null) return undefined;
  return `https://github.com/${found[1]}/${found[2]!.replace(/\.git$/, '')}/releases/download/{tag_prefix}{version}/${usual}`;
}

/** github.com/mapbox/node-pre-gyp: `evaluate` of lib/util/versioning.js. */
async function nodePreGyp(
  { name = '', version = '', main = '', binary }: PackageManifest,
  platform: Platform,
  wanted: Wanted,
  setting: Setting,
): Promise<PrebuiltArchive | undefined> {
  const moduleName = text(binary.module_name);
  if (moduleName === undefined || wanted.modules === null) return undefined;
  const mirror = await setting(`${moduleName.replace('-', '_')}_binary_host_mirror`);
  const host = mirror ?? text(binary.host);
  if (host === undefined) return undefined;
  const napi = nodeApiVersion(binary, wanted);
  const abi = `node-v${wanted.modules}`;
  const values = {
    ...versionParts(version),
    name,
    configuration: 'Release',
    module_name: moduleName,
    module_main: main,
    runtime: 'node',
    node_abi: abi,
    node_abi_napi: 'napi',
    napi_version: String(highestNodeApi(wanted.node)),
    napi_build_version: napi === undefined ? '' : String(napi),
    node_napi_label: napi === undefined ? abi : `napi-v${napi}`,
    target: '',
    platform: platform.os,
    target_platform: platform.os,
    arch: platform.cpu,
    target_arch: platform.cpu,
    libc: platform.libc ?? 'unknown',
    toolset: '',
  };
  const slashed = (part: string) => (part.endsWith('/') ? part : `${part}/`);
  const folder = text(binary.remote_path);
  const remote = folder === undefined ? '' : slashed(fill(folder, values)).replaceAll('//', '/');
  const usual = '{module_name}-v{version}-{node_abi}-{platform}-{arch}.tar.gz';
  const file = fill(text(binary.package_name) ?? usual, values);
  const base = slashed(fill(host, values));
  // What is no address is told as one that cannot be had.
  const url = URL.canParse(remote, base) ? new URL(file, new URL(remote, base)).href : base + remote + file;
  const into = path.posix.join(fill(text(binary.module_path) ?? '', values), '.').replace(/\/$/, '');
  return { url, into, strip: true };
}

type Fields = Readonly<Record<string, unknown>>;

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The best of the versions of Node-API that a package is built for; undefined where it is built for none. */
function nodeApiVersion({ napi_versions: versions }: Fields, { node }: Wanted): number | undefined {
  if (!Array.isArray(versions)) return undefined;
  const highest = highestNodeApi(node);
  return versions
    .filter((one): one is number => typeof one === 'number' && one <= highest)
    .sort((a, b) => b - a)[0];
}

/** `process.versions.napi` (nodejs.org, Node-API version matrix); lines before 22 are not wrapped with newer ones. */
function highestNodeApi(node: string): number {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  if (major >= 23 || (major === 22 && minor >= 14)) return 10;
  return major >= 18 ? 9 : 8;
}

function versionParts(version: string) {
  const [, major = '', minor = '', patch = '', prerelease = '', build = ''] =
    /^(\d+)\.(\d+)\.(\d+)(?:-([^+]+))?(?:\+(.+))?$/.exec(version) ?? [];
  return { version, major, minor, patch, prerelease, build };
}

function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
