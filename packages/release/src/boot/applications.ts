import path from 'node:path';
import { nearest } from '@sarma/app/internal';
import type { ApplicationMode } from '@sarma/boot';
import { ReleaseError } from '../error.ts';
import type { Installation, InstalledPackage } from '../installation.ts';
import type { Release } from '../release.ts';
import { isFile } from '../tree.ts';
import { workspacesAround } from '../umbrella.ts';

/** An application as the project has it; what `BootApplication` is made from. */
export interface PlannedApplication {
  readonly installed: InstalledPackage;
  readonly mode: ApplicationMode;
  /** Absolute path of the lifecycle module's source; undefined for a package that has none. */
  readonly module: string | undefined;
  /** Names of the applications it needs, in the order of its package.json. */
  readonly dependencies: readonly string[];
}

/** What counts as the more important one when two applications that need a third differ. */
const modes: readonly ApplicationMode[] = ['permanent', 'transient', 'temporary', 'load', 'none'];

/**
 * The applications of a release in the order in which they start: those that the configuration names, the main
 * package, and the applications that these need, which get the mode of the one that needs them, of several the
 * highest. Throws ReleaseError UNKNOWN_APPLICATION, APPLICATION_MODULE, APPLICATION_MODE or APPLICATION_CYCLE.
 */
export async function planApplications(
  release: Release,
  installation: Installation,
): Promise<readonly PlannedApplication[]> {
  const unknown = release.applications.find(
    ({ name }) => findApplication(name, release, installation) === undefined,
  );
  if (unknown !== undefined) throw await unknownApplication(unknown.name, release, installation);
  const graph = readGraph(release, installation);
  const ordered = inOrder(graph);
  const given = chosenModes(release, graph);
  const inherited = inheritModes(ordered, given);
  const planned = ordered.map(({ installed, module, needs }) => ({
    installed,
    module,
    mode: inherited.get(installed)!,
    dependencies: needs.map(({ name }) => name),
  }));
  checkModes(planned, release);
  return planned;
}

interface GraphNode {
  readonly installed: InstalledPackage;
  readonly module: string | undefined;
  readonly needs: readonly InstalledPackage[];
}

/** In the order of the configuration, the main package and what nobody named behind it. */
type Graph = ReadonlyMap<InstalledPackage, GraphNode>;

function readGraph(release: Release, installation: Installation): Graph {
  const main = installation.packages.get(release.project)!;
  const named = release.applications.map(({ name }) => findApplication(name, release, installation)!);
  const graph = new Map<InstalledPackage, GraphNode>();
  const isApplication = (one: InstalledPackage): boolean =>
    named.includes(one) || lifecycleModule(one) !== undefined;
  const queue = [...named, ...(isApplication(main) ? [main] : [])];
  for (const installed of queue) {
    if (graph.has(installed)) continue;
    const needs = neededBy(installed, installation, isApplication);
    graph.set(installed, { installed, module: lifecycleModule(installed), needs });
    queue.push(...needs);
  }
  return graph;
}

/** The nearest applications among the production dependencies; packages that are none are looked through. */
function neededBy(
  installed: InstalledPackage,
  { packages }: Installation,
  isApplication: (installed: InstalledPackage) => boolean,
): readonly InstalledPackage[] {
  const found = new Set<InstalledPackage>();
  const seen = new Set([installed]);
  const visit = ({ manifest, dependencies }: InstalledPackage): void => {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      const directory = dependencies.get(name)?.directory;
      const dependency = directory === undefined ? undefined : packages.get(directory);
      if (dependency === undefined || (seen.has(dependency) && dependency !== installed)) continue;
      seen.add(dependency);
      if (isApplication(dependency)) found.add(dependency);
      else if (dependency !== installed) visit(dependency);
    }
  };
  visit(installed);
  return [...found];
}

/** Absolute path of the module that `"sarma": { "application": … }` names. Throws ReleaseError APPLICATION_MODULE. */
function lifecycleModule({ directory, manifest, name }: InstalledPackage): string | undefined {
  const named = manifest.sarma?.application;
  if (named === undefined) return undefined;
  const where = path.join(directory, 'package.json');
  if (typeof named !== 'string') {
    const found = JSON.stringify(named);
    throw new ReleaseError(
      'APPLICATION_MODULE',
      `${where}: expected sarma.application to be the path of a module, found ${found}.`,
    );
  }
  const file = path.resolve(directory, named);
  if (isFile(file)) return file;
  const advice =
    manifest.scripts?.build === undefined
      ? 'Correct the path, or write the module.'
      : `Build ${name} first: npm run build`;
  throw new ReleaseError(
    'APPLICATION_MODULE',
    `${where} names ${named} as the lifecycle module of ${name}, but ${file} does not exist. ${advice}`,
  );
}

function findApplication(
  name: string,
  release: Release,
  { packages }: Installation,
): InstalledPackage | undefined {
  const all = [...packages.values()];
  return (
    all.find((one) => one.firstParty && one.name === name) ??
    all.find(({ directory }) => directory === directDependency(release, packages, name)) ??
    all.find((one) => one.name === name)
  );
}

async function unknownApplication(
  name: string,
  release: Release,
  { packages }: Installation,
): Promise<ReleaseError> {
  const applications = [...packages.values()].filter((one) => one.manifest.sarma?.application !== undefined);
  const known = [...new Set([...(await workspacesAround(release)), ...applications].map((one) => one.name))];
  const meant = nearest(name, known);
  const advice =
    meant !== undefined
      ? `Did you mean "${meant}"?`
      : known.length > 0
        ? `Known are ${known.sort().join(', ')}; correct the name, or add the package to "dependencies".`
        : 'Correct the name, or add the package to "dependencies".';
  return new ReleaseError(
    'UNKNOWN_APPLICATION',
    `The release ${release.name} names the application "${name}", but no workspace and no production dependency of ` +
      `${release.manifest.name ?? release.project} is called that. ${advice}`,
  );
}

function directDependency(
  { project }: Release,
  packages: Installation['packages'],
  name: string,
): string | undefined {
  return packages.get(project)?.dependencies.get(name)?.directory;
}

/** Every application behind those that it needs. */
function inOrder(graph: Graph): readonly GraphNode[] {
  const ordered = new Set<GraphNode>();
  const visit = (node: GraphNode, path: readonly InstalledPackage[]): void => {
    if (path.includes(node.installed)) throw cycle([...path, node.installed]);
    if (ordered.has(node)) return;
    for (const needed of node.needs) visit(graph.get(needed)!, [...path, node.installed]);
    ordered.add(node);
  };
  for (const node of graph.values()) visit(node, []);
  return [...ordered];
}

function cycle(walked: readonly InstalledPackage[]): ReleaseError {
  const round = walked.slice(walked.indexOf(walked.at(-1)!)).map(({ name }) => name);
  return new ReleaseError(
    'APPLICATION_CYCLE',
    `Applications need each other in a circle, so none can start first: ${round.join(' → ')}. ` +
      `Take one of these out of the "dependencies" of the other, for example ${round.at(-1)} out of ${round.at(-2)}.`,
  );
}

/** What the configuration says; the main package is permanent unless it says otherwise. */
function chosenModes(release: Release, graph: Graph): ReadonlyMap<string, ApplicationMode> {
  const given = new Map<string, ApplicationMode>();
  for (const { name, mode } of release.applications) {
    if (!modes.includes(mode)) throw unknownMode(name, mode);
    given.set(name, mode);
  }
  const main = [...graph.keys()].find(({ directory }) => directory === release.project);
  if (main !== undefined && !given.has(main.name)) given.set(main.name, 'permanent');
  return given;
}

function unknownMode(name: string, mode: string): ReleaseError {
  return new ReleaseError(
    'APPLICATION_MODE',
    `The application ${name} has the mode "${mode}"; expected one of ${modes.join(', ')}.`,
  );
}

/** From the end of the order to its start, so that whoever needs an application is decided before it. */
function inheritModes(
  ordered: readonly GraphNode[],
  given: ReadonlyMap<string, ApplicationMode>,
): ReadonlyMap<InstalledPackage, ApplicationMode> {
  const decided = new Map<InstalledPackage, ApplicationMode>();
  for (const { installed, needs } of ordered.toReversed()) {
    const mode = given.get(installed.name) ?? decided.get(installed)!;
    decided.set(installed, mode);
    for (const needed of needs) {
      const known = decided.get(needed);
      if (known === undefined || modes.indexOf(mode) < modes.indexOf(known)) decided.set(needed, mode);
    }
  }
  return decided;
}

/** What starts cannot need what does not. */
function checkModes(planned: readonly PlannedApplication[], { options }: Release): void {
  const byName = new Map(planned.map((one) => [one.installed.name, one]));
  for (const { installed, mode, dependencies } of planned) {
    if (!isStarted(mode)) continue;
    for (const name of dependencies) {
      const needed = byName.get(name)!;
      const skipped = [name, installed.name].some((one) => options.skipModeValidationFor.includes(one));
      if (isStarted(needed.mode) || skipped) continue;
      throw new ReleaseError(
        'APPLICATION_MODE',
        `${installed.name} is ${mode}, but it depends on ${name}, which has the mode "${needed.mode}" and is never started. ` +
          `Give ${installed.name} the mode load or none too, give ${name} another, or write ` +
          `skipModeValidationFor: ['${name}'] if ${installed.name} can do without it.`,
      );
    }
  }
}

export function isStarted(mode: ApplicationMode): boolean {
  return mode === 'permanent' || mode === 'transient' || mode === 'temporary';
}
