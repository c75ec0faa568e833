import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import semver from 'semver';
import type { Artifact } from '../artifact.ts';
import { treeOf } from '../build.ts';
import { addChecksums } from '../checksums.ts';
import { contentsOf } from '../contents.ts';
import type { OnEvent } from '../events.ts';
import { resign } from '../executables/macho.ts';
import { writeExecutable } from '../outputs.ts';
import type { BuildContext, BuildStep } from '../phases.ts';
import { billBeside } from '../proofs.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { Target } from '../targets.ts';
import type { Tree } from '../tree.ts';
import { findPkg, hostSystem, type PkgInstallation, type PkgTarget, runPkg } from './pkg-command.ts';
import { PkgEngineError } from './pkg-error.ts';
import { PKG_MARK } from './pkg-mark.ts';

/** What the engine needs besides the build's context. */
export interface PkgTools {
  /** Where pkg is looked for first. */
  readonly project: string;
  readonly fileOf: (program: string, target: Target) => string;
  /** A runtime of this version that runs here, which writes the blob for targets that do not. */
  readonly hostRuntime: (version: string) => Promise<Runtime>;
  /** Whether `SHA256SUMS` is written beside the executables. */
  readonly withChecksums: boolean;
  /** Ends pkg while it runs. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: OnEvent;
}

/** Node has `node:sea` assets since 21.7, and zstd, which the files are compressed with, since 22.15. */
const SUPPORTED = '>=22.15.0';

/**
 * The steps of the phase `build` that make executables by `@yao-pkg/pkg`: the published Node with the release in a blob
 * that it reads as a file system. Nothing is unpacked where they run. Throws PkgEngineError.
 */
export function pkgSteps(tools: PkgTools): { readonly pack: BuildStep; readonly write: BuildStep } {
  return {
    // The release is packed by pkg itself.
    pack: async (context) => context,
    write: async (context) => {
      const pkg = await findPkg(tools.project);
      const target = pkgTarget(context);
      const artifacts: Artifact[] = [];
      for (const program of Object.keys(context.release.entries)) {
        artifacts.push(await writeProgram(context, program, target, pkg, tools));
      }
      return { ...context, artifacts: [...context.artifacts, ...artifacts] };
    },
  };
}

/** Throws PkgEngineError for a target whose executables are joined. */
export function refuseUniversal({ name, slices }: Target): void {
  if (slices === undefined) return;
  const list = slices.map((slice) => slice.name).join(' and ');
  throw new PkgEngineError(
    `The engine pkg makes no executable for ${name}. Build ${list} with it, or leave --engine pkg away.`,
  );
}

/** What pkg calls the target. Throws PkgEngineError for what it cannot carry. */
function pkgTarget({ target, runtime, release, settings }: BuildContext): PkgTarget {
  const { os, cpu, libc, name } = target;
  if (runtime === undefined) throw new PkgEngineError(`The build of ${name} has no runtime.`);
  if ((cpu !== 'x64' && cpu !== 'arm64') || libc === 'musl') {
    throw new PkgEngineError(
      `The engine pkg makes no executable for ${name}: it knows x64 and arm64 of Linux (glibc), macOS and Windows. Leave --engine pkg away for it.`,
    );
  }
  if (!semver.satisfies(runtime.version, SUPPORTED)) {
    throw new PkgEngineError(
      `The engine pkg needs Node ${SUPPORTED} for ${name}, and the runtime is ${runtime.version}. Name another with --runtime.`,
    );
  }
  if (release.kind === 'service') {
    throw new PkgEngineError(
      `${release.name} is a service, and the engine pkg carries programs only: a service keeps state beside its release and starts programs of it, which a file that unpacks nothing cannot. Leave --engine pkg away.`,
    );
  }
  if (release.shell || release.vmArgs.length > 0) {
    throw new PkgEngineError(
      `${release.name} has vm.args or env.sh, which an executable of the engine pkg cannot obey. Leave --engine pkg away, or them.`,
    );
  }
  const [unheard] = stubSettings(os, release, settings);
  if (unheard !== undefined) {
    throw new PkgEngineError(
      `${unheard} is for executables of the engine stub, and pkg cannot obey it in ${name}. Leave --engine pkg away, or the setting.`,
    );
  }
  return { os, cpu, version: runtime.version, runtime: runtime.file };
}

/** What of the configuration is set, and would be lost. */
function stubSettings(
  os: Target['os'],
  { wrap: { nodeOptions, maintenance, mutable, compileCache, snapshot } }: BuildContext['release'],
  { locales, macos, windows }: BuildContext['settings'],
): readonly string[] {
  const { sign, icon, manifest, subsystem, version } = windows;
  const systems = os === 'win' ? { sign, icon, manifest, subsystem } : os === 'darwin' ? macos : {};
  const key = os === 'win' ? 'windows' : 'macos';
  const own = Object.entries(systems).map(([name, value]) => [`wrap.${key}.${name}`, value !== undefined]);
  const all = [
    ['wrap.nodeOptions', nodeOptions !== 'pass'],
    ['wrap.maintenance', maintenance !== 'maintenance'],
    ['wrap.mutable', mutable.length > 0],
    ['wrap.compileCache', compileCache !== false && (compileCache.children || compileCache.build)],
    ['wrap.snapshot', snapshot],
    ['wrap.locales', locales !== undefined],
    ...own,
    ['wrap.windows.version', os === 'win' && Object.keys(version).length > 0],
  ] as const;
  return all.filter(([, isSet]) => isSet).map(([name]) => String(name));
}

async function writeProgram(
  context: BuildContext,
  program: string,
  target: PkgTarget,
  pkg: PkgInstallation,
  { fileOf, hostRuntime, withChecksums, signal, onEvent }: PkgTools,
): Promise<Artifact> {
  const started = performance.now();
  const { release } = context;
  const directory = await mkdtemp(path.join(tmpdir(), 'sarma-pkg-'));
  try {
    const project = path.join(directory, release.name);
    await lay(context.tree ?? (await treeOf(context)), project);
    await describe(project, release.name, release.version, release.entries[program]!);
    const runsHere = target.os === hostSystem() && target.cpu === process.arch;
    const isOwn = runsHere || target.version === process.versions.node;
    const host = isOwn ? undefined : await runtimeOfHost(target.version, context.target, hostRuntime);
    const compress = context.compression !== 'none';
    const output = await runPkg(pkg, { directory, project, target, host, compress, signal });
    for (const message of output.notes) {
      onEvent({ type: 'notice', level: 'detail', message, target: context.target.name });
    }
    const made = await readFile(output.file);
    const bytes = target.os === 'darwin' ? resign(made, program) : made;
    const file = fileOf(program, context.target);
    const replaced = await writeExecutable(file, contentsOf(bytes));
    const sidecars = withChecksums ? [await addToChecksums(file)] : [];
    const delivered = { file, bytes: bytes.length, replaced, sidecars };
    onEvent({ type: 'artifact', target: context.target.name, ...delivered });
    const { size: runtime } = await stat(target.runtime);
    return {
      target: context.target.name,
      name: program,
      ...delivered,
      id: createHash('sha256').update(bytes).digest('hex').slice(0, 12),
      parts: { stub: 0, runtime, release: Math.max(0, bytes.length - runtime), manifest: 0 },
      milliseconds: performance.now() - started,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Returns where the checksums are. The bill of materials that the engine stub wrote there says nothing of this file. */
async function addToChecksums(file: string): Promise<string> {
  await rm(billBeside(file), { force: true });
  return await addChecksums(path.dirname(file), [file]);
}

/** Throws PkgEngineError where there is none. */
async function runtimeOfHost(
  version: string,
  { name }: Target,
  hostRuntime: PkgTools['hostRuntime'],
): Promise<string> {
  try {
    return (await hostRuntime(version)).file;
  } catch (cause) {
    throw new PkgEngineError(
      `The engine pkg packs for ${name} with a Node ${version} of this machine, and there is none. ` +
        `Name a version that both have with --runtime, or leave --per-target away.\n${(cause as Error).message}`,
      'PKG_ENGINE',
      { cause },
    );
  }
}

/** Lays a release out as it is installed on its target. */
async function lay(tree: Tree, root: string): Promise<void> {
  await mkdir(root);
  for (const directory of tree.directories) await mkdir(path.join(root, directory), { recursive: true });
  for (const { path: relative, content, mode } of tree.files) {
    const file = path.join(root, relative);
    if (typeof content === 'string') await copyFile(content, file);
    else await writeFile(file, content, { mode });
  }
  for (const { path: relative, target, directory } of tree.links) {
    await symlink(target, path.join(root, relative), directory ? 'junction' : 'file');
  }
}

/** What pkg reads: where to begin, and that every file belongs to the program. */
async function describe(project: string, name: string, version: string, entry: string): Promise<void> {
  const assets = ['**/*', '**/.*', '**/.*/**'];
  const manifest = { name, version, bin: entry, pkg: { assets } };
  await writeFile(path.join(project, 'package.json'), JSON.stringify(manifest));
  await writeFile(path.join(project, PKG_MARK), '');
}
