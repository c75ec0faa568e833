import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stubPath } from '@sarma/stub';
import type { Artifact } from './artifact.ts';
import { type AssembledRelease, AssembledReleaseError } from './assembled-release.ts';
import type { BuildCache } from './build-cache.ts';
import { type TrialPlace, withSeed } from './compile-cache/seed.ts';
import { type Compression, compressionSettings } from './compression.ts';
import { type Contents, contentSize } from './contents.ts';
import type { OnEvent } from './events.ts';
import { embed } from './executables/embed.ts';
import { type ResourceFiles, withOwnResources } from './executables/pe-program-resources.ts';
import { stubDigest } from './executables/stub-digest.ts';
import { languagesOf } from './icu/languages.ts';
import { checkLimits } from './limits.ts';
import { type Manifest, type StoredManifest, storeManifest } from './manifest.ts';
import { mutableFiles } from './mutable.ts';
import { checkNames } from './names.ts';
import { type Need, newerSystemNotice, raiseRequirements } from './native/needs.ts';
import { placeFrames } from './payload/frames.ts';
import { type PackedRelease, packRelease } from './payload/pack-release.ts';
import { type PackedRuntime, packRuntime } from './payload/pack-runtime.ts';
import type { Runtime } from './runtimes/runtime.ts';
import type { FindIntegrity } from './sbom/release-packages.ts';
import { addBillOfMaterials } from './sbom/release-sbom.ts';
import type { ExecutableSettings } from './settings.ts';
import { snapshotPath, withSnapshots } from './snapshot/snapshot.ts';
import { encodeStamp, findStamp, type Stamp, type TemplateArgument } from './stamp.ts';
import { compileCachePath, startPath, withStart } from './start.ts';
import { stubTarget, type Target } from './targets.ts';
import {
  diskSize,
  readTree,
  type Tree,
  type TreeFile,
  withFiles,
  withoutFileLinks,
  withoutLinksTo,
} from './tree.ts';

/** Everything that decides the bytes of one target's executables. */
export interface Build {
  readonly release: AssembledRelease;
  readonly target: Target;
  /** The assembled release, or a copy of it that was changed for this target. */
  readonly directory: string;
  /** Laid over the directory. */
  readonly files: readonly TreeFile[];
  /** Left out of the directory. */
  readonly without: readonly string[];
  readonly settings: ExecutableSettings;
  readonly resources: ResourceFiles | undefined;
  readonly runtime: Runtime;
  /** What the release's native files ask of the host. */
  readonly needs: readonly Need[];
  /** What treeOf says of the above, where it was read already. */
  readonly tree: Tree | undefined;
  readonly compression: Compression;
}

/** What all programs of one release and target share: the payload. */
export interface Packed {
  readonly runtime: PackedRuntime;
  readonly release: PackedRelease;
  readonly tree: Tree;
  readonly manifest: Manifest;
  readonly stored: StoredManifest;
}

/** A finished executable. */
export interface Executable {
  readonly contents: Contents;
  /** In bytes. */
  readonly size: number;
  readonly id: string;
  readonly parts: Artifact['parts'];
}

/** Packs runtime and release of a target. Throws MutableError, NameError, TooLargeError, TreeError, and what reading and compressing throw. */
export async function packTarget(
  build: Build,
  cache: BuildCache,
  onEvent: OnEvent,
  integrity: FindIntegrity,
  trial: TrialPlace,
): Promise<Packed> {
  const settings = compressionSettings(build.compression);
  const { target } = build;
  const { strip, locales } = build.settings;
  const wanted = { strip, languages: locales && languagesOf(locales) };
  const runtime = await packRuntime(build.runtime, target, settings, wanted, cache, (done, total) =>
    onEvent({ type: 'compress', target: target.name, done, total }),
  );
  const message = signatureLost(runtime.runtime, target);
  if (message) onEvent({ type: 'notice', level: 'info', target: target.name, message });
  if (wanted.languages) {
    const message = languagesLost(wanted.languages);
    onEvent({ type: 'notice', level: 'info', target: target.name, message });
  }
  const newer = newerSystemNotice(runtime.requires, build.needs);
  if (newer) onEvent({ type: 'notice', level: 'info', target: target.name, message: newer });
  const own = await withStarts(build.tree ?? (await treeOf(build)), build, trial, onEvent);
  const tree = await addBillOfMaterials(own, build, runtime.runtime, integrity, cache);
  checkNames(tree, target);
  checkLimits(tree, releaseDirectory(build.release, '0'.repeat(12)));
  const mutable = await mutableFiles(tree, build.release);
  const release = await packRelease(tree, settings, cache);
  const frames = placeFrames([...runtime.frames, ...release.frames]);
  const manifest: Manifest = {
    format: 1,
    layout: 1,
    name: build.release.name,
    version: build.release.version,
    target: target.name,
    kind: build.release.kind,
    runtime: runtime.runtime,
    requires: raiseRequirements(runtime.requires, build.needs),
    directories: tree.directories,
    files: release.files.map((file) => (mutable.has(file.path) ? { ...file, mutable: true } : file)),
    links: tree.links,
    frames,
  };
  return { runtime, release, tree, manifest, stored: storeManifest(manifest) };
}

/** What a build is told that changes a runtime which was signed; undefined where nothing was. */
function signatureLost(
  { executable, changes }: PackedRuntime['runtime'],
  { os }: Target,
): string | undefined {
  if (os === 'linux' || changes.length === 0) return undefined;
  const now = os === 'win' ? 'carries no signature' : 'is signed ad hoc';
  return `${executable} inside ${now}: wrap.locales changes it, so that its vendor's signature does not fit any more.`;
}

function languagesLost(kept: readonly string[]): string {
  return `Node inside has data of ${kept.join(', ')} only (wrap.locales). For users of another language, dates and the like are in none (2024-03-05 14:07:09), unless the program names one of these.`;
}

/** Puts a packed payload behind the target's stub, for one of the release's programs. */
export async function buildExecutable(
  build: Pick<Build, 'release' | 'target' | 'settings' | 'resources'>,
  packed: Packed,
  program: string,
): Promise<Executable> {
  const manifest = packed.stored;
  const frames = [...packed.runtime.frames, ...packed.release.frames].map(({ stored }) => stored);
  const manifestOffset = frames.reduce((sum, frame) => sum + frame.length, 0);
  const bare = await readFile(stubPath(stubTarget(build.target)));
  const stub = await withOwnResources(bare, build, program);
  const embedding = embed(build.target.os, stub, manifestOffset + manifest.bytes.length, program);
  const { head, payloadOffset, tail, seal } = embedding;
  const digest = digestOf(build.target, stub, manifestOffset + manifest.bytes.length, program);
  encodeStamp(stampOf(build, packed, program, payloadOffset, manifestOffset, digest)).copy(
    head,
    findStamp(head),
  );
  const contents = { pieces: [head, ...frames, manifest.bytes, tail], seal };
  const size = contentSize(contents);
  const sum = (part: { readonly frames: PackedRuntime['frames'] }) =>
    part.frames.reduce((total, { stored }) => total + stored.length, 0);
  return {
    contents,
    size,
    id: manifest.id,
    parts: {
      stub: size - manifestOffset - manifest.bytes.length,
      runtime: sum(packed.runtime),
      release: sum(packed.release),
      manifest: manifest.bytes.length,
    },
  };
}

/** The payload is not in the digest: of a small one that ends where this does between two pages it is the same. */
function digestOf({ os }: Target, stub: Buffer, payloadLength: number, program: string): string {
  const payload = Buffer.alloc(payloadLength % 4096);
  const { head, payloadOffset, tail } = embed(os, stub, payload.length, program);
  const executable = Buffer.concat([head, payload, tail]);
  const payloadEnd = payloadOffset + payload.length;
  return stubDigest(executable, { stampAt: findStamp(head), payloadOffset, payloadEnd });
}

function stampOf(
  build: Pick<Build, 'release' | 'target'>,
  { manifest, stored, tree }: Packed,
  program: string,
  payloadOffset: number,
  manifestOffset: number,
  stubDigest: string,
): Stamp {
  const { bytes, digest, id } = stored;
  const { name, version, kind, entries, shell, wrap } = build.release;
  const entry = entries[program]!;
  const guard = guardPath(build.release);
  const contains = (place: string) => manifest.files.some((file) => file.path === place);
  return {
    manifestOffset: payloadOffset + manifestOffset,
    manifestLength: bytes.length,
    manifestDigest: digest,
    payloadOffset,
    runtimeSize: manifest.runtime.size,
    runtimeDiskSize: manifest.runtime.size,
    releaseDiskSize: diskSize(tree),
    entrySize: sizeOf(entry, program, manifest),
    keep: wrap.keep,
    ignoreNodeOptions: wrap.nodeOptions === 'ignore',
    shell,
    service: kind === 'service',
    compileCache: contains(compileCachePath(build.release)),
    name,
    version,
    id,
    target: build.target.name,
    runtimeDirectory: manifest.runtime.directory,
    runtimeExecutable: manifest.runtime.executable,
    releaseDirectory: releaseDirectory(build.release, id),
    entry,
    guard: contains(guard) ? guard : '',
    maintenance: wrap.maintenance === false ? null : wrap.maintenance,
    overrideVariable: `${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_INSTALL_DIR`,
    template: templateOf(build, program, manifest),
    stubDigest,
  };
}

/** Throws AssembledReleaseError when there is no such file: an install without it would be repaired for ever. */
function sizeOf(entry: string, program: string, { files }: Manifest): number {
  const file = files.find(({ path }) => path === entry);
  if (file !== undefined) return file.size;
  throw new AssembledReleaseError(`${entry}, the entry of ${program}, is not in the assembled release.`);
}

/** With what programs start from besides their entries. Throws CompileCacheError, SnapshotError. */
async function withStarts(tree: Tree, build: Build, trial: TrialPlace, onEvent: OnEvent): Promise<Tree> {
  if (build.release.wrap.snapshot) return await withSnapshots(tree, build, trial.signal);
  return await withStart(await withSeed(tree, build, trial, onEvent), build.release);
}

/** What is executed, and with which arguments, before those of the user. */
function templateOf(
  { release, target }: Pick<Build, 'release' | 'target'>,
  program: string,
  { files }: Manifest,
): readonly TemplateArgument[] {
  const entry = { path: release.entries[program]! };
  const start = files.find(({ path }) => path === startPath(release));
  const executed = release.wrap.snapshot
    ? [{ literal: '--snapshot-blob' }, { path: snapshotPath(release, program) }, entry]
    : start === undefined
      ? [entry]
      : [{ path: start.path }, entry];
  if (!release.shell) return [...release.vmArgs.map((literal) => ({ literal })), ...executed];
  return target.os === 'win' ? executed : [{ path: `bin/${program}` }];
}

function releaseDirectory({ name, version }: AssembledRelease, id: string): string {
  return `${name}-${version}-${id}`;
}

/** The release as it is installed on the target. Throws TreeError. */
export async function treeOf({
  release,
  directory,
  files,
  without,
  target,
}: Pick<Build, 'release' | 'directory' | 'files' | 'without' | 'target'>): Promise<Tree> {
  const isHosts = isOfHost(release);
  const left = new Set(without);
  const all = readTree(directory, (relative) => isHosts(relative) || left.has(relative));
  const tree = withFiles(withoutLinksTo(all, left), files);
  return target.os === 'win' ? withoutFileLinks(tree, directory) : tree;
}

/** Says of a path what docs/format.md does: whether it is there for the host that the release was assembled on. */
export function isOfHost({
  entries,
  directory,
}: Pick<AssembledRelease, 'entries' | 'directory'>): (relative: string) => boolean {
  const programs = new Set(Object.keys(entries).map((program) => `bin/${program}.exe`));
  const isLaterVersion = (relative: string) =>
    /^versions\/[^/]*$/.test(relative) && existsSync(path.join(directory, relative, 'releases/start.json'));
  return (relative) =>
    programs.has(relative) ||
    /^(runtime-\d+\.[^/]*|var|releases\/[^/]*\/launcher)$/.test(relative) ||
    isLaterVersion(relative);
}

/** Where the guard lies, relative to the release's root. */
export function guardPath(release: AssembledRelease): string {
  return `releases/${release.version}/guard.cjs`;
}
