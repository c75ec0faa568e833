import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { firstPartyPackages, type Installation, type InstalledPackage, packageOf } from './installation.ts';
import { programs } from './package-json.ts';

/** Where everything goes. Paths are relative to the release's root and written with `/`. */
export interface Layout {
  /** Real path of a package → its place. */
  readonly places: ReadonlyMap<string, string>;
  /** Path of a link → path of what it links to. */
  readonly links: ReadonlyMap<string, string>;
  /** The place of anything on this disk that lies in a package; undefined for what lies in none. */
  readonly placeOf: (file: string) => string | undefined;
}

/**
 * Gives every package its place so that Node resolves each import to the package it resolves to in the project.
 *
 * First-party packages lie side by side as `lib/<name>-<version>` (`lib/@scope/name-<version>`). Whatever lies
 * in a `node_modules` keeps its path below the directory that has that `node_modules`, its *host*: a first-party
 * package, or `lib` for a host that several of them share (a workspace root). What is not found by that shape
 * alone gets a link, at the place where the project has one if possible.
 */
export function layOut(installation: Installation, project: string): Layout {
  const { packages } = installation;
  const firstParty = firstPartyPlaces(packages);
  const hosts = hostPlaces(packages, firstParty, project);
  const placeOf = placing(firstParty, hosts);
  const places = new Map([...packages.keys()].map((directory) => [directory, placeOf(directory)!]));
  const links = new Map<string, string>();
  const modules = new Set<string>();
  const taken = new Set(places.values());
  const keep: Keep = (at, directory) => {
    const target = places.get(directory);
    if (at !== undefined && target !== undefined && !taken.has(at) && !links.has(at)) links.set(at, target);
  };
  keepLinks(packages, placeOf, keep, modules);
  addMissingLinks(packages, places, links);
  linkPrograms(packages, placeOf, links, modules);
  return { places, links, placeOf };
}

function firstPartyPlaces(packages: ReadonlyMap<string, InstalledPackage>): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  const taken = new Set<string>();
  for (const { directory, name, version } of firstPartyPackages({ packages })) {
    const wanted = `lib/${directoryName(name)}-${directoryName(version)}`;
    let place = wanted;
    for (let count = 2; taken.has(place); count++) place = `${wanted}_${count}`;
    taken.add(place);
    places.set(directory, place);
  }
  return places;
}

/** Names and versions are npm's and harmless, unless somebody wrote them by hand. */
function directoryName(name: string): string {
  const safe = name.replaceAll(/[^\w.@/+-]+/g, '-').split('/');
  return safe.length === 2 && name.startsWith('@') ? safe.join('/') : safe.join('-').replace(/^\.+/, '');
}

/** Hosts that are no first-party package, or are one that contains others. */
function hostPlaces(
  packages: ReadonlyMap<string, InstalledPackage>,
  firstParty: ReadonlyMap<string, string>,
  project: string,
): ReadonlyMap<string, string> {
  const hosts = new Set<string>();
  for (const { dependencies } of packages.values()) {
    for (const { directory, found } of dependencies.values()) {
      for (const place of [found, directory]) {
        const host = hostOf(place, firstParty);
        if (host !== undefined) hosts.add(host);
      }
    }
  }
  const containers = [...hosts].filter((host) => isShared(host, firstParty, project));
  containers.sort((a, b) => b.length - a.length);
  const others = [...hosts].filter((host) => !firstParty.has(host) && !containers.includes(host));
  // Node looks into lib/node_modules from every first-party package, and then into node_modules of the root.
  const [nearest, next, ...far] = containers;
  return new Map([
    ...(nearest === undefined ? [] : [[nearest, 'lib'] as const]),
    ...(next === undefined ? [] : [[next, ''] as const]),
    ...[...far.filter((host) => !firstParty.has(host)), ...others].map(
      (host, index) => [host, `lib/node_modules/.linked/${index + 1}`] as const,
    ),
  ]);
}

function isShared(host: string, firstParty: ReadonlyMap<string, string>, project: string): boolean {
  if (!firstParty.has(host)) return isBelow(project, host);
  return [...firstParty.keys()].some((directory) => isBelow(directory, host));
}

/** The directory whose `node_modules` a package lies in: the nearest first-party package, else the outermost. */
function hostOf(directory: string, firstParty: ReadonlyMap<string, string>): string | undefined {
  const owner = ownerOf(directory, firstParty);
  const start = owner === undefined ? 0 : owner.length;
  const marker = `${path.sep}node_modules${path.sep}`;
  const at = `${directory}${path.sep}`.indexOf(marker, start);
  return at === -1 ? undefined : directory.slice(0, at);
}

/** The innermost first-party package that a path lies in. */
function ownerOf(file: string, firstParty: ReadonlyMap<string, string>): string | undefined {
  for (let directory = file; ; directory = path.dirname(directory)) {
    if (firstParty.has(directory)) return directory;
    if (directory === path.dirname(directory)) return undefined;
  }
}

function placing(
  firstParty: ReadonlyMap<string, string>,
  hosts: ReadonlyMap<string, string>,
): (file: string) => string | undefined {
  return (file) => {
    const host = hostOf(file, firstParty);
    const base = host !== undefined && hosts.has(host) ? host : ownerOf(file, firstParty);
    if (base === undefined) return undefined;
    const place = base === host && hosts.has(host) ? hosts.get(host)! : firstParty.get(base)!;
    return join(place, path.relative(base, file).replaceAll(path.sep, '/'));
  };
}

type Places = ReadonlyMap<string, string>;
type PlaceOf = (file: string) => string | undefined;
/** Puts a link to a package at a place, unless that is taken. */
type Keep = (at: string | undefined, directory: string) => void;

/** Links of the project that lead to packages of the release, pnpm's hoisted ones included. */
function keepLinks(
  packages: ReadonlyMap<string, InstalledPackage>,
  placeOf: PlaceOf,
  keep: Keep,
  modules: Set<string>,
): void {
  for (const { dependencies } of packages.values()) {
    for (const [name, { found, directory }] of dependencies) {
      modules.add(found.slice(0, -name.length - 1));
      if (found !== directory) keep(placeOf(found), directory);
      const store = storeOf(directory);
      if (store !== undefined) modules.add(path.join(store, 'node_modules'));
    }
  }
  for (const folder of modules) {
    for (const file of namesIn(folder).map((name) => path.join(folder, name))) {
      const target = linkTarget(file);
      if (target !== undefined) keep(placeOf(file), target);
    }
  }
}

function storeOf(directory: string): string | undefined {
  const marker = `${path.sep}node_modules${path.sep}.pnpm${path.sep}`;
  const at = directory.indexOf(marker);
  return at === -1 ? undefined : directory.slice(0, at + marker.length - 1);
}

function namesIn(folder: string): readonly string[] {
  const names = list(folder).filter((name) => !name.startsWith('.'));
  return names.flatMap((name) =>
    name.startsWith('@') ? list(path.join(folder, name)).map((inner) => path.join(name, inner)) : [name],
  );
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // Not there, or no folder: nothing to keep.
    return [];
  }
}

function linkTarget(file: string): string | undefined {
  try {
    readlinkSync(file);
    return realpathSync(file);
  } catch {
    // No link, or a dead one.
    return undefined;
  }
}

/** What Node would not find, or find otherwise than in the project, gets a link in the package that wants it. */
function addMissingLinks(
  packages: ReadonlyMap<string, InstalledPackage>,
  places: Places,
  links: Map<string, string>,
): void {
  const present = new Set(places.values());
  const resolve = (from: string, name: string): string | undefined => {
    for (const folder of folders(from)) {
      if (folder === 'node_modules' || folder.endsWith('/node_modules')) continue;
      const at = join(folder, `node_modules/${name}`);
      if (present.has(at)) return at;
      const target = links.get(at);
      if (target !== undefined) return target;
    }
    return undefined;
  };
  for (const { directory, dependencies } of packages.values()) {
    const place = places.get(directory)!;
    for (const [name, dependency] of dependencies) {
      const target = places.get(dependency.directory)!;
      if (resolve(place, name) !== target) links.set(join(place, `node_modules/${name}`), target);
    }
  }
}

function folders(place: string): readonly string[] {
  if (place === '') return [''];
  const at = place.lastIndexOf('/');
  return [place, ...folders(at === -1 ? '' : place.slice(0, at))];
}

/** `node_modules/.bin` as installed; always links, since the shell scripts that pnpm writes hold absolute paths. */
function linkPrograms(
  packages: ReadonlyMap<string, InstalledPackage>,
  placeOf: PlaceOf,
  links: Map<string, string>,
  modules: ReadonlySet<string>,
): void {
  for (const folder of modules) {
    const place = placeOf(folder);
    if (place === undefined) continue;
    for (const name of list(path.join(folder, '.bin'))) {
      const target = programTarget(folder, name, packages);
      const at = target === undefined ? undefined : placeOf(target);
      if (at !== undefined) links.set(join(place, `.bin/${name}`), at);
    }
  }
}

function programTarget(
  folder: string,
  name: string,
  packages: ReadonlyMap<string, InstalledPackage>,
): string | undefined {
  const linked = linkTarget(path.join(folder, '.bin', name));
  if (linked !== undefined) return packageOf(linked, packages) === undefined ? undefined : linked;
  for (const inside of namesIn(folder)) {
    const owner = packages.get(linkTarget(path.join(folder, inside)) ?? path.join(folder, inside));
    const file = owner === undefined ? undefined : programs(owner.manifest)[name];
    if (owner !== undefined && file !== undefined) return path.join(owner.directory, file);
  }
  return undefined;
}

function isBelow(file: string, directory: string): boolean {
  return file.startsWith(directory.endsWith(path.sep) ? directory : directory + path.sep);
}

function join(folder: string, rest: string): string {
  if (folder === '' || rest === '') return folder + rest;
  return `${folder}/${rest}`;
}
