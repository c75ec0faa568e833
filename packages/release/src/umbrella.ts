import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from './error.ts';
import {
  type Dependency,
  type Installation,
  type InstalledPackage,
  readInstallation,
} from './installation.ts';
import { type Manifest, readManifest } from './package-json.ts';
import type { Release } from './release.ts';
import { readWorkspaces, type Workspace } from './workspaces.ts';

/**
 * The packages of a release, with the workspaces among them that the configuration names as applications. The main
 * package need not depend on those, it may be the root of an umbrella that has no code of its own; but what lies in
 * the root (`config/runtime.ts`) and what is evaluated there can import them, as it can in the project.
 */
export async function readUmbrella(
  release: Release,
  manifest: Manifest,
  others: { readonly packages: readonly string[]; readonly nested: readonly string[] },
): Promise<Installation> {
  const members = await namedWorkspaces(release);
  const packages = [...others.packages, ...members.values()];
  const { excludePackages: excluded } = release.options;
  const wanted = release.applications.find(({ name }) => excluded.includes(name));
  if (wanted !== undefined) throw bothWays(wanted.name, release);
  const installation = readInstallation(release.project, manifest, { ...others, packages, excluded });
  const main = installation.packages.get(release.project)!;
  const linked = new Map([...installation.packages, [release.project, withMembers(main, members)]]);
  return { ...installation, packages: linked };
}

function bothWays(name: string, { options }: Release): ReleaseError {
  return new ReleaseError(
    'CONFIG_INVALID',
    `${options.configFile ?? 'package.json'}: ${name} is one of the applications and one of excludePackages; expected one of the two. ` +
      `An application that is there and does not start has the mode "none".`,
  );
}

function withMembers(main: InstalledPackage, members: ReadonlyMap<string, string>): InstalledPackage {
  const dependencies = new Map(main.dependencies);
  for (const [name, directory] of members) {
    if (dependencies.has(name) || directory === main.directory) continue;
    dependencies.set(name, member(main, name, directory));
  }
  return { ...main, dependencies };
}

/** npm and yarn link workspaces into the root; with pnpm there is nothing that leads from here to there. */
function member({ directory: from }: InstalledPackage, name: string, directory: string): Dependency {
  const link = path.join(from, 'node_modules', name);
  return { directory, found: existsSync(link) ? link : directory, optional: false };
}

/** Name → real path of the workspaces that are named as applications. */
async function namedWorkspaces(release: Release): Promise<ReadonlyMap<string, string>> {
  if (release.applications.length === 0) return new Map();
  const names = new Set(release.applications.map(({ name }) => name));
  const found = (await workspacesAround(release)).filter(({ name }) => names.has(name));
  return new Map(found.map(({ name, directory }) => [name, realpathSync(directory)]));
}

/** The workspaces of the project, or those it is one of. */
export async function workspacesAround({
  project,
  manifest,
}: Pick<Release, 'project' | 'manifest'>): Promise<readonly Workspace[]> {
  const own = await readWorkspaces(project, manifest);
  if (own.length > 0) return own;
  for (let directory = path.dirname(project); ; directory = path.dirname(directory)) {
    const workspaces = await readWorkspaces(directory, readManifest(directory) ?? {});
    if (workspaces.some((workspace) => workspace.directory === project)) return workspaces;
    if (directory === path.dirname(directory)) return [];
  }
}
