import { statSync } from 'node:fs';
import path from 'node:path';
import { executableNames } from './executable-names.ts';
import { type InstalledPackage, packageOf } from './installation.ts';
import type { Release } from './release.ts';
import { readWorkspaces } from './workspaces.ts';

/**
 * What no package of this release may take: other packages that lie inside it, the assembled release, what was
 * written of it earlier, its definition, and what that excludes.
 */
export async function exclusions(
  release: Release,
  firstParty: readonly InstalledPackage[],
): Promise<(file: string) => boolean> {
  const workspaces = await readWorkspaces(release.project, release.manifest);
  const excluded = new Set([
    release.path,
    release.output,
    path.join(release.project, '_build'),
    path.join(release.project, 'burrito_out'),
    path.join(release.output, 'publish', 'packagers'),
    ...firstParty.map(({ directory }) => directory),
    ...workspaces.map(({ directory }) => directory),
    ...definitionFiles(release),
  ]);
  // A folder that already is somebody's (`-o dist`) is not left out whole, only what Sarma calls NAME_TARGET, NAME or
  // NAME-VERSION-TARGET.tar.gz, and what it puts beside them.
  if (isFolder(release.output) && path.basename(release.output) !== 'burrito_out')
    excluded.delete(release.output);
  const entries = Object.values(release.entries);
  const executable = `(${executableNames(release).join('|')})(_[a-z0-9]+-[a-z0-9-]+)?(\\.exe)?`;
  const written = new RegExp(
    `^(${executable}(\\.cdx\\.json)?|${release.name}-.+\\.tar\\.gz|\\.?SHA256SUMS(\\..*)?)$`,
  );
  const isWritten = (file: string): boolean =>
    path.dirname(file) === release.output && written.test(path.basename(file)) && !entries.includes(file);
  const isConfigured = await configuredExclusion(release, firstParty);
  return (file) => excluded.has(file) || (isWritten(file) && !isFolder(file)) || isConfigured(file);
}

/** What says how the release is made, and is in it in another form. */
function definitionFiles({ project, options, overlays }: Release): readonly string[] {
  const { configFile, vmArgs, remoteVmArgs, envScript, hooks } = options;
  const folders = overlays.filter((overlay) => typeof overlay === 'string');
  const own = [configFile, 'targets.json'];
  return [...own, vmArgs, remoteVmArgs, envScript.sh, envScript.bat, hooks, ...folders]
    .filter((file) => file !== undefined && path.basename(file) !== 'package.json')
    .map((file) => path.resolve(project, file!));
}

/** What `exclude` of the configuration names in the package a file lies in, in the syntax of `.gitignore`. */
async function configuredExclusion(
  { options: { exclude } }: Release,
  firstParty: readonly InstalledPackage[],
): Promise<(file: string) => boolean> {
  if (exclude.length === 0) return () => false;
  const { default: ignore } = await import('ignore');
  const rules = ignore().add([...exclude]);
  const packages = new Map(firstParty.map((one) => [one.directory, one]));
  return (file) => {
    const directory = packageOf(file, packages)?.directory;
    if (directory === undefined || directory === file) return false;
    const name = path.relative(directory, file).replaceAll(path.sep, '/');
    return rules.ignores(isFolder(file) ? `${name}/` : name);
  };
}

function isFolder(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
