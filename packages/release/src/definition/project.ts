import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { namedEntry } from '../entries.ts';
import { ReleaseError } from '../error.ts';
import { type Manifest, readProjectManifest } from '../package-json.ts';
import type { ReleaseOptions } from '../release.ts';
import { findWorkspace, readWorkspaces } from '../workspaces.ts';

/** What is to be released, as it lies on the disk. */
export interface Project {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly singleFile: boolean;
  /** The source file given in the place of a project. */
  readonly file: string | undefined;
}

/** Throws ReleaseError. */
export async function readProject(options: ReleaseOptions): Promise<Project> {
  const given = path.resolve(options.project);
  const stats = statSync(given, { throwIfNoEntry: false });
  if (stats === undefined) {
    throw new ReleaseError(
      'NO_PROJECT',
      `${given} does not exist; give a project's folder or a source file.`,
    );
  }
  // Node finds modules by real paths, so everything here is one.
  const real = realpathSync(given);
  if (stats.isFile()) return fileProject(real);
  const manifest = readProjectManifest(real);
  if (manifest === undefined) return folderWithoutManifest(real, options);
  if (options.workspace === undefined)
    return { directory: real, manifest, singleFile: false, file: undefined };
  const workspaces = await readWorkspaces(real, manifest);
  const workspace = findWorkspace(real, workspaces, options.workspace);
  return { ...workspace, directory: realpathSync(workspace.directory), singleFile: false, file: undefined };
}

function folderWithoutManifest(directory: string, options: ReleaseOptions): Project {
  if (options.entry !== undefined)
    return fileProject(realpathSync(namedEntry(directory, options.entry).file));
  throw new ReleaseError(
    'NO_PACKAGE_JSON',
    `There is no package.json in ${directory}. Run this in a project, say --project DIR, or give a file: wrap cli.ts`,
  );
}

/**
 * The project a file belongs to: that of its own folder or, when it lies below the working directory,
 * of one in between. Further up a package.json is as likely as not somebody else's (`~/package.json`).
 */
function fileProject(file: string): Project {
  for (const directory of foldersUpTo(path.dirname(file), process.cwd())) {
    const manifest = readProjectManifest(directory);
    if (manifest !== undefined) return { directory, manifest, singleFile: false, file };
  }
  const manifest = { name: path.parse(file).name };
  return { directory: path.dirname(file), manifest, singleFile: true, file };
}

function foldersUpTo(directory: string, top: string): readonly string[] {
  if (directory === top || !directory.startsWith(top + path.sep)) return [directory];
  return [directory, ...foldersUpTo(path.dirname(directory), top)];
}
