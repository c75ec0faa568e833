import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ignore from 'ignore';
import { ReleaseError } from './error.ts';
import { type Installation, type InstalledPackage, packageManager } from './installation.ts';
import type { Release } from './release.ts';

const addonBuilders = /\b(node-gyp|prebuild-install|prebuildify|node-pre-gyp|node-gyp-build|cmake-js)\b/;

/**
 * Looks for packages that should have a native addon and have none, because their install script never ran.
 * Returns a sentence for each that the project can do without, as far as it says so (optional dependencies), and for the
 * others where the release is packed for targets: each target may find an addon elsewhere, and fails if it does not.
 * Of what the user skips nothing is said. Throws ReleaseError INSTALL_SCRIPT_BLOCKED for others.
 */
export function checkAddons(installation: Installation, release: Release): readonly string[] {
  const { packages } = installation;
  const skipped = ignore().add([...release.options.wrap.addons.skip]);
  const without = [...packages.values()].filter(
    (installed) =>
      !installed.firstParty &&
      wantsAddon(installed) &&
      !hasAddon(installed, packages) &&
      !skipped.ignores(`${installed.name}/`),
  );
  if (without.length === 0) return [];
  const needed = required(installation);
  const blocked = without.filter(({ directory }) => needed.has(directory));
  const isPacked = release.steps.includes('wrap') || release.steps.includes('tar');
  if (blocked.length > 0 && !isPacked) throw scriptBlocked(blocked, release.project);
  return [
    ...(blocked.length > 0 ? [scriptBlocked(blocked, release.project).message] : []),
    ...without
      .filter((one) => !blocked.includes(one))
      .map(
        ({ name }) => `${name}, an optional dependency, has no native addon: its install script did not run`,
      ),
  ];
}

/** Whether a package is built or fetches an addon when it is installed. */
export function wantsAddon({ directory, manifest }: InstalledPackage): boolean {
  const { preinstall = '', install = '', postinstall = '' } = manifest.scripts ?? {};
  if ([preinstall, install, postinstall].some((script) => addonBuilders.test(script))) return true;
  // npm runs node-gyp for a binding.gyp when the package has no script of its own.
  return install === '' && preinstall === '' && existsSync(path.join(directory, 'binding.gyp'));
}

/** An addon lies in the package itself or, with napi-rs and its kind, in an optional one for the platform. */
function hasAddon(installed: InstalledPackage, packages: Installation['packages']): boolean {
  const optional = Object.keys(installed.manifest.optionalDependencies ?? {})
    .map((name) => installed.dependencies.get(name)?.directory)
    .filter((directory) => directory !== undefined && packages.has(directory));
  return [installed.directory, ...optional].some((directory) => holdsAddon(directory!));
}

/** Whether a folder holds a `.node` file, `node_modules` apart. */
export function holdsAddon(directory: string): boolean {
  return readdirSync(directory, { withFileTypes: true }).some((entry) => {
    if (entry.isDirectory())
      return entry.name !== 'node_modules' && holdsAddon(path.join(directory, entry.name));
    return entry.name.endsWith('.node');
  });
}

/** Packages that are reached without passing an optional dependency. */
function required({ packages }: Installation): ReadonlySet<string> {
  const reached = new Set(
    [...packages.values()].filter(({ firstParty }) => firstParty).map((one) => one.directory),
  );
  for (const directory of reached) {
    for (const dependency of packages.get(directory)!.dependencies.values()) {
      if (!dependency.optional) reached.add(dependency.directory);
    }
  }
  return reached;
}

function scriptBlocked(blocked: readonly InstalledPackage[], project: string): ReleaseError {
  const names = blocked.map(({ name }) => name).join(' ');
  const [first] = blocked as readonly [InstalledPackage];
  return new ReleaseError(
    'INSTALL_SCRIPT_BLOCKED',
    `${blocked.map(({ name, version }) => `${name}@${version}`).join(', ')} ${blocked.length === 1 ? 'has' : 'have'} ` +
      `no native addon: there is no .node file in ${first.directory}, so its install script did not run. ` +
      `Run: ${approval(project, names)}`,
  );
}

function approval(project: string, names: string): string {
  const manager = packageManager(project);
  if (manager === 'pnpm') return `pnpm approve-builds (and choose ${names}), then pnpm rebuild ${names}`;
  if (manager === 'yarn')
    return 'yarn install --force, with enableScripts (Yarn 2 or later) or ignore-scripts (Yarn 1) at its default';
  if (manager === 'bun') return `bun pm trust ${names}`;
  if (hasApprovals(project)) return `npm approve-scripts ${names} && npm rebuild ${names}`;
  return `npm rebuild ${names} --ignore-scripts=false`;
}

/** Recent npm has it; older ones skip scripts only where `ignore-scripts` is set. */
function hasApprovals(project: string): boolean {
  try {
    execFileSync('npm', ['approve-scripts', '--help'], {
      cwd: project,
      stdio: 'ignore',
      timeout: 10_000,
      shell: process.platform === 'win32',
    });
    return true;
  } catch {
    return false;
  }
}
