import path from 'node:path';
import { fits, type Wanted } from '../native/fit.ts';
import type { PlacedFile } from '../native/native-files.ts';
import { liesWithOthers } from '../native/place.ts';
import type { Package } from '../packages/package.ts';
import { isMachineName } from '../packages/platform-names.ts';

/**
 * What of a package's native files no loader would take on the target: those in folders and of names that say so
 * (`prebuilds/win32-x64`, `bin/linux-x64-115`, `NAME.musl.node`), those beside a folder for the target
 * (`vendor/arm64-darwin` beside `vendor/x64-linux`), and what was built or put for this machine where a build puts it.
 * Paths of files and folders, relative to the package. Other files stay, whatever they are: they may be data.
 * What was not built for this machine and `isKept` stays as well.
 */
export function uselessFiles(
  files: readonly PlacedFile[],
  owner: Package,
  wanted: Wanted,
  isKept: (place: string) => boolean,
): readonly string[] {
  const useless = new Set(files.filter((file) => isUseless(file, owner, wanted)).map(({ place }) => place));
  for (const place of otherVariants(files, useless, wanted)) useless.add(place);
  for (const place of otherMachines(files, owner, wanted)) useless.add(place);
  for (const place of useless) if (!isBuilt(place) && isKept(place)) useless.delete(place);
  return byFolder(files, useless);
}

/** A folder of prebuilds that holds nothing of use goes with all else in it (debugging symbols, licences). */
function byFolder(files: readonly PlacedFile[], useless: ReadonlySet<string>): readonly string[] {
  const folderOf = (place: string) => /^(.*\/)?prebuilds\/[^/]+(?=\/)/.exec(place)?.[0];
  const useful = new Set(
    files.filter(({ place }) => !useless.has(place)).map(({ place }) => folderOf(place)),
  );
  const places = [...useless].map((place) => {
    const folder = folderOf(place);
    return folder === undefined || useful.has(folder) ? place : folder;
  });
  return [...new Set(places)];
}

function isUseless({ place, native }: PlacedFile, owner: Package, wanted: Wanted): boolean {
  const lies = liesWithOthers(place, owner, wanted.target, native);
  if (isPrebuild(place) && lies) return true;
  if (native === null || fits(native, wanted)) return false;
  return isPrebuild(place) || isBuilt(place) || (isAddon(place) && lies);
}

/** Folders of prebuildify and require-addon. */
export function isPrebuild(place: string): boolean {
  return /(^|\/)prebuilds\//.test(place);
}

/** Where node-gyp, CMake.js, node-pre-gyp and `bindings` have what was built or downloaded for one machine. */
export function isBuilt(place: string): boolean {
  return /^(build|out|addon-build|compiled|lib\/binding|bin\/[a-z0-9]+-[a-z0-9]+-\d+)\//.test(place);
}

/** Addons of Node. */
export function isAddon(place: string): boolean {
  return place.endsWith('.node');
}

/** And of Bare, which Node does not load. */
function isAnyAddon(place: string): boolean {
  return /\.(node|bare)$/.test(place);
}

/**
 * In a folder of prebuilds there may be a file for each ABI, runtime, C library and version of ARM, of which
 * node-gyp-build takes the best that matches (its README, and `matchTags` in its node-gyp-build.js), and some for other
 * runtimes than Node (`.bare`). What does not match is needed by nobody, as long as another one matches.
 */
function otherVariants(
  files: readonly PlacedFile[],
  useless: ReadonlySet<string>,
  wanted: Wanted,
): readonly string[] {
  const left = files.filter(({ place }) => isPrebuild(place) && isAnyAddon(place) && !useless.has(place));
  const folders = Map.groupBy(left, ({ place }) => path.posix.dirname(place));
  return [...folders.values()].flatMap((variants) => {
    const [matching, others] = partition(variants, ({ place }) => matchesTags(place, wanted));
    return matching.length === 0 ? [] : others.map(({ place }) => place);
  });
}

/**
 * Native files in folders that are named for machines and lie side by side, of which one holds what works on the
 * target. Not what is no native file: that may be needed on every machine.
 */
function otherMachines(files: readonly PlacedFile[], owner: Package, wanted: Wanted): readonly string[] {
  const families = new Map<string, PlacedFile[]>();
  for (const file of files) {
    for (const parent of foldersOfMachines(file.place)) {
      const family = families.get(parent) ?? [];
      families.set(parent, family);
      family.push(file);
    }
  }
  const isOthers = ({ place, native }: PlacedFile) => liesWithOthers(place, owner, wanted.target, native);
  return [...families.values()].flatMap((family) => {
    const [others, own] = partition(family, isOthers);
    return own.some(({ native }) => native !== null && fits(native, wanted))
      ? others.map(({ place }) => place)
      : [];
  });
}

/** The folders above a file in which there is one for a machine that it lies in. */
function foldersOfMachines(place: string): readonly string[] {
  const folders = place.split('/').slice(0, -1);
  return folders.flatMap((name, depth) => (isMachineName(name) ? [folders.slice(0, depth).join('/')] : []));
}

function matchesTags(place: string, { target, modules }: Wanted): boolean {
  if (!isAddon(place)) return false;
  const tags = path.posix.basename(place, '.node').split('.');
  const has = (tag: string) => tags.includes(tag);
  const number = (pattern: RegExp) =>
    tags.map((tag) => pattern.exec(tag)?.[1]).find((one) => one !== undefined);
  const isForOthers = (has('electron') || has('node-webkit')) && !has('node');
  const abi = number(/^abi(\d+)$/);
  const arm = number(/^armv(\d+)$/);
  const wantedArm = target.cpu === 'arm64' ? '8' : target.cpu === 'armv7l' ? '7' : arm;
  return (
    !isForOthers &&
    (abi === undefined || has('napi') || modules === null || abi === String(modules)) &&
    (arm === undefined || arm === wantedArm) &&
    !has(target.libc === 'musl' ? 'glibc' : 'musl')
  );
}

function partition<Item>(items: readonly Item[], accepts: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(accepts), items.filter((item) => !accepts(item))];
}
