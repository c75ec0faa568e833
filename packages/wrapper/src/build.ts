import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { stubPath } from '@sarma/stub';
import type { AssembledRelease } from './assembled-release.ts';
import type { BuildCache } from './build-cache.ts';
import { type Compression, compressionSettings } from './compression.ts';
import type { OnEvent } from './events.ts';
import { embed } from './executables/embed.ts';
import { checkLimits } from './limits.ts';
import { type Manifest, type StoredManifest, storeManifest } from './manifest.ts';
import { checkNames } from './names.ts';
import { placeFrames } from './payload/frames.ts';
import { type PackedRelease, packRelease } from './payload/pack-release.ts';
import { type PackedRuntime, packRuntime } from './payload/pack-runtime.ts';
import type { Runtime } from './runtimes/runtime.ts';
import { encodeStamp, findStamp, type Stamp, type TemplateArgument } from './stamp.ts';
import type { Target } from './targets.ts';
import { diskSize, readTree, type Tree, type TreeFile, withFiles, withoutFileLinks } from './tree.ts';

/** Everything that decides the bytes of one target's executables. */
export interface Build {
  readonly release: AssembledRelease;
  readonly target: Target;
  readonly runtime: Runtime;
  readonly compression: Compression;
  readonly cache: BuildCache;
  readonly onEvent: OnEvent;
}

/** What all programs of one release and target share: the payload. */
export interface Packed {
  readonly runtime: PackedRuntime;
  readonly release: PackedRelease;
  readonly tree: Tree;
  readonly manifest: Manifest;
  readonly stored: StoredManifest;
}

/** A finished executable and the stored bytes of its parts. */
export interface Executable {
  readonly bytes: Buffer;
  readonly id: string;
  readonly parts: {
    readonly stub: number;
    readonly runtime: number;
    readonly release: number;
    readonly manifest: number;
  };
}

/** Packs runtime and release of a target. Throws NameError, TooLargeError, TreeError, and what reading and compressing throw. */
export async function packTarget(build: Build): Promise<Packed> {
  const settings = compressionSettings(build.compression);
  const { target, onEvent } = build;
  const runtime = await packRuntime(build.runtime, target, settings, build.cache, (done, total) =>
    onEvent({ type: 'compress', target: target.name, done, total }),
  );
  const tree = await treeOf(build);
  checkNames(tree, target);
  checkLimits(tree, releaseDirectory(build.release, '0'.repeat(12)));
  const release = await packRelease(tree, settings);
  const frames = placeFrames([...runtime.frames, ...release.frames]);
  const manifest: Manifest = {
    format: 1,
    layout: 1,
    name: build.release.name,
    version: build.release.version,
    target: target.name,
    kind: build.release.kind,
    runtime: runtime.runtime,
    requires: runtime.requires,
    directories: tree.directories,
    files: release.files,
    links: tree.links,
    frames,
  };
  return { runtime, release, tree, manifest, stored: storeManifest(manifest) };
}

/** Puts a packed payload behind the target's stub, for one of the release's programs. */
export async function buildExecutable(build: Build, packed: Packed, program: string): Promise<Executable> {
  const manifest = packed.stored;
  const frames = [...packed.runtime.frames, ...packed.release.frames].map(({ stored }) => stored);
  const manifestOffset = frames.reduce((sum, frame) => sum + frame.length, 0);
  const stub = await readFile(stubPath(build.target.name));
  const embedding = embed(build.target.os, stub, manifestOffset + manifest.bytes.length, program);
  const stamp = encodeStamp(stampOf(build, packed, program, embedding.payloadOffset, manifestOffset));
  stamp.copy(embedding.head, findStamp(embedding.head));
  const bytes = Buffer.concat([embedding.head, ...frames, manifest.bytes, embedding.tail]);
  embedding.seal(bytes);
  const sum = (part: { readonly frames: PackedRuntime['frames'] }) =>
    part.frames.reduce((total, { stored }) => total + stored.length, 0);
  return {
    bytes,
    id: manifest.id,
    parts: {
      stub: bytes.length - manifestOffset - manifest.bytes.length,
      runtime: sum(packed.runtime),
      release: sum(packed.release),
      manifest: manifest.bytes.length,
    },
  };
}

function stampOf(
  build: Build,
  { manifest, stored, tree }: Packed,
  program: string,
  payloadOffset: number,
  manifestOffset: number,
): Stamp {
  const { bytes, digest, id } = stored;
  const { name, version, kind, entries, shell, wrap } = build.release;
  const entry = entries[program]!;
  return {
    manifestOffset: payloadOffset + manifestOffset,
    manifestLength: bytes.length,
    manifestDigest: digest,
    payloadOffset,
    runtimeSize: manifest.runtime.size,
    runtimeDiskSize: manifest.runtime.size,
    releaseDiskSize: diskSize(tree),
    entrySize: manifest.files.find((file) => file.path === entry)!.size,
    keep: wrap.keep,
    ignoreNodeOptions: wrap.nodeOptions === 'ignore',
    shell,
    service: kind === 'service',
    name,
    version,
    id,
    target: build.target.name,
    runtimeDirectory: manifest.runtime.directory,
    runtimeExecutable: manifest.runtime.executable,
    releaseDirectory: releaseDirectory(build.release, id),
    entry,
    guard: guardPath(build.release),
    maintenance: wrap.maintenance === false ? null : wrap.maintenance,
    overrideVariable: `${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_INSTALL_DIR`,
    template: templateOf(build, program),
  };
}

/** What is executed, and with which arguments, before those of the user. */
function templateOf({ release, target }: Build, program: string): readonly TemplateArgument[] {
  const entry = { path: release.entries[program]! };
  if (!release.shell) return [...release.vmArgs.map((literal) => ({ literal })), entry];
  return target.os === 'win' ? [entry] : [{ path: `bin/${program}` }];
}

function releaseDirectory({ name, version }: AssembledRelease, id: string): string {
  return `${name}-${version}-${id}`;
}

async function treeOf({ release, target }: Build): Promise<Tree> {
  const read = await readTree(release.directory, isLeftOut);
  const tree = target.os === 'win' ? await withoutFileLinks(read, release.directory) : read;
  return withFiles(tree, await ownFiles(release));
}

/** What a directory release has of its own host: its runtime, its state, and its launcher. */
function isLeftOut(relative: string): boolean {
  return /^(runtime-[^/]*|var|bin\/[^/]*\.exe|releases\/[^/]*\/launcher)$/.test(relative);
}

/** What an install has that an assembled release has not. */
async function ownFiles(release: AssembledRelease): Promise<readonly TreeFile[]> {
  const guard = await readFile(fileURLToPath(new URL('./guard.cjs', import.meta.url)));
  // The runtime lies in a directory of its own.
  const start = JSON.stringify({ version: release.version, runtime: null }, null, 2);
  return [ownFile(guardPath(release), guard), ownFile('releases/start.json', Buffer.from(`${start}\n`))];
}

function ownFile(path: string, content: Buffer): TreeFile {
  return { path, mode: 0o644, size: content.length, content };
}

function guardPath(release: AssembledRelease): string {
  return `releases/${release.version}/guard.cjs`;
}
