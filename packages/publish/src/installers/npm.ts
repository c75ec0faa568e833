import { chmod, copyFile, link, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { channelOf, type PublishedExecutable } from '@sarma/update';
import type { ArchivedFile } from '../archive.ts';
import { filesBeside } from '../beside.ts';
import { homepageOf, type PackagedVersion, programsOf } from './packaged.ts';

/** Words of npm, where they are others than those of targets. */
const SYSTEMS: Readonly<Record<string, string>> = { win: 'win32' };
const CPUS: Readonly<Record<string, readonly string[]>> = {
  x86: ['ia32'],
  armv7l: ['arm'],
  ppc64le: ['ppc64'],
  universal: ['x64', 'arm64'],
};

/** Where npm installs the package of a target: fields of its package.json. */
interface Place {
  readonly os: readonly string[];
  readonly cpu: readonly string[];
  readonly libc?: readonly string[];
}

/**
 * Writes the package `name`, which starts the executable of the machine it is installed on, and one with the executables of
 * each target, which it has as optional dependencies. Resolves to their folders, relative to `folder`, in the order in which
 * they are to be published: the one that needs the others comes last. Throws what the file system throws.
 */
export async function writeNpmPackages(
  version: PackagedVersion,
  name: string,
  folder: string,
): Promise<readonly string[]> {
  const { release, staged } = version;
  const { about } = release;
  const shared = {
    version: release.version,
    ...(about.description !== undefined && { description: about.description }),
    homepage: homepageOf(version),
    ...repositoryOf(version),
    ...(about.license !== undefined && { license: about.license }),
    ...(about.author !== undefined && { author: about.author }),
    // Else a beta would be what everybody installs, and what has a scope would be private.
    publishConfig: { access: 'public', tag: channelOf(release.version) },
  };
  // A licence goes with every copy.
  const beside = await filesBeside(release.project, undefined, []);
  const targets = withoutDoubles(staged.feed.executables.map(({ target }) => target));
  const places = targets.map((target) => ({ name: `${name}-${target}`, ...placeOf(target) }));
  for (const [index, target] of targets.entries()) {
    const to = path.join(folder, folderOf(places[index]!.name));
    const executables = staged.feed.executables.filter((one) => one.target === target);
    await writePackage(to, { ...places[index]!, ...shared }, beside);
    for (const executable of executables) await put(staged.folder, executable, path.join(to, 'bin'));
  }
  const main = path.join(folder, folderOf(name));
  const programs = programsOf(version);
  const manifest = {
    name,
    ...shared,
    bin: Object.fromEntries(programs.map((program) => [program, `bin/${program}.js`])),
    engines: { node: '>=18' },
    optionalDependencies: Object.fromEntries(places.map((place) => [place.name, release.version])),
  };
  await writePackage(main, manifest, beside);
  await mkdir(path.join(main, 'bin'));
  for (const program of programs) {
    const file = path.join(main, 'bin', `${program}.js`);
    await writeFile(file, await startScript(name, program, places));
    await chmod(file, 0o755);
  }
  return [...places.map((place) => folderOf(place.name)), folderOf(name)];
}

/** Provenance is taken from the repository alone that the package names. */
function repositoryOf({ place }: PackagedVersion): object {
  const isRepository = /^https:\/\/github\.com\/[^/]+\/[^/]+$/.test(place.home);
  return isRepository ? { repository: { type: 'git', url: `git+${place.home}.git` } } : {};
}

/** Where a Mac has an executable of its own, the universal one would be installed beside it. */
function withoutDoubles(targets: readonly string[]): readonly string[] {
  const isOwn = ['darwin-x64', 'darwin-arm64'].every((target) => targets.includes(target));
  return [...new Set(targets)].filter((target) => !(isOwn && target === 'darwin-universal'));
}

/** `linux-x64-musl` → `{ os: ['linux'], cpu: ['x64'], libc: ['musl'] }`. */
function placeOf(target: string): Place {
  const [os = '', cpu = '', libc = 'glibc'] = target.split('-');
  const words = { os: [SYSTEMS[os] ?? os], cpu: CPUS[cpu] ?? [cpu] };
  return os === 'linux' ? { ...words, libc: [libc] } : words;
}

/** Without the scope. */
function folderOf(name: string): string {
  return name.replace(/^@[^/]+\//, '');
}

async function writePackage(
  folder: string,
  manifest: object,
  beside: readonly ArchivedFile[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ ...manifest, files: ['bin', ...beside.map(({ name }) => name)] }, null, 2);
  await writeFile(path.join(folder, 'package.json'), `${text}\n`);
  for (const { name, file } of beside) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await copyFile(file, path.join(folder, name));
  }
}

/** The same bytes on the disk, where its file system has links. */
async function put(
  staged: string,
  { program, target, file }: PublishedExecutable,
  bin: string,
): Promise<void> {
  await mkdir(bin, { recursive: true });
  const to = path.join(bin, target.startsWith('win-') ? `${program}.exe` : program);
  const from = path.join(staged, file);
  // What was downloaded from a draft (`--from`) has lost that it may be executed; and is not ours to change.
  const { mode } = await stat(from);
  if (
    mode & 0o100 &&
    (await link(from, to).then(
      () => true,
      () => false,
    ))
  )
    return;
  await copyFile(from, to);
  await chmod(to, 0o755);
}

async function startScript(name: string, program: string, places: readonly object[]): Promise<string> {
  const template = await readFile(path.join(import.meta.dirname, '../../templates/npm-start.cjs'), 'utf8');
  const values: Readonly<Record<string, unknown>> = { name, program, places };
  return template.replaceAll(/'@(\w+)@'/g, (_, key: string) => JSON.stringify(values[key]));
}
