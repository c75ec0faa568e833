import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from './error.ts';
import { type Manifest, readManifest } from './package-json.ts';

export interface Workspace {
  readonly name: string;
  readonly directory: string;
  readonly manifest: Manifest;
}

/** The workspaces of a root (`workspaces` of npm and yarn, `pnpm-workspace.yaml`), sorted by folder; [] where it is none. */
export async function readWorkspaces(root: string, manifest: Manifest): Promise<readonly Workspace[]> {
  const patterns = await workspacePatterns(root, manifest);
  if (patterns.length === 0) return [];
  const { glob } = await import('tinyglobby');
  const files = await glob(
    patterns.map((pattern) => `${pattern.replace(/^(!?)\.\//, '$1').replace(/\/$/, '')}/package.json`),
    { cwd: root, ignore: ['**/node_modules/**'], absolute: true },
  );
  return files.sort().flatMap((file) => {
    const directory = path.dirname(file);
    const workspace = readManifest(directory);
    if (workspace === undefined || directory === root) return [];
    return [{ name: workspace.name ?? path.basename(directory), directory, manifest: workspace }];
  });
}

async function workspacePatterns(root: string, manifest: Manifest): Promise<readonly string[]> {
  const { workspaces } = manifest;
  if (Array.isArray(workspaces)) return workspaces as readonly string[];
  if (workspaces !== undefined && 'packages' in workspaces) return workspaces.packages ?? [];
  const file = path.join(root, 'pnpm-workspace.yaml');
  if (!existsSync(file)) return [];
  const { parse } = await import('yaml');
  const { packages } = (parse(readFileSync(file, 'utf8')) ?? {}) as { packages?: readonly string[] };
  return packages ?? [];
}

/** The workspace of a name or a folder, as npm's `-w` finds it. Throws ReleaseError UNKNOWN_WORKSPACE. */
export function findWorkspace(root: string, workspaces: readonly Workspace[], wanted: string): Workspace {
  const found = workspaces.find(
    ({ name, directory }) => name === wanted || directory === path.resolve(root, wanted),
  );
  if (found !== undefined) return found;
  const known = workspaces.map(({ name }) => name).join(', ');
  throw new ReleaseError(
    'UNKNOWN_WORKSPACE',
    known === ''
      ? `${path.join(root, 'package.json')} has no workspaces, so there is no "${wanted}".`
      : `There is no workspace "${wanted}" in ${root}; it has ${known}.`,
  );
}
