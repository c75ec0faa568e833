import { existsSync } from 'node:fs';
import { listReleases, ReleaseError, type ReleaseOptions } from '@sarma/release';
import { type Flags, projectOf } from './command.ts';
import type { definitionFlags, projectFlags, releaseFlags } from './flags.ts';
import { OWN_MODULE } from './own-module.ts';

/** The flags of `wrap` and `assemble`; the other commands have fewer. */
type ReleaseChoice = Flags<typeof projectFlags & typeof definitionFlags> &
  Partial<Flags<typeof releaseFlags>>;

/**
 * What `projectFlags` and `releaseFlags` say, as `loadRelease` takes it. The positional argument is the project, or one
 * of the releases of the project here where there is no such path. Throws ReleaseError UNKNOWN_RELEASE.
 */
export async function releaseOptionsOf(flags: ReleaseChoice): Promise<ReleaseOptions> {
  return {
    ...(await chosenRelease(flags)),
    workspace: flags.workspace,
    environment: flags.env,
    entry: flags.entry,
    bin: flags.bin,
    version: flags.releaseVersion,
    code: flags.code,
    snapshot: flags.buildSnapshot,
    releaseDirectory: flags.releaseDir,
  };
}

async function chosenRelease(flags: ReleaseChoice): Promise<Pick<ReleaseOptions, 'project' | 'name'>> {
  const { path, project, workspace, release: name } = flags;
  if (path === undefined || existsSync(path)) return { project: projectOf(flags), name };
  const place = { project: project ?? '.', workspace, environment: flags.env };
  const known = await listReleases({ ...place, sarma: OWN_MODULE });
  if (known.includes(path) && name === undefined) return { project: place.project, name: path };
  if (known.length === 0 || /[./\\]/.test(path)) return { project: projectOf(flags), name };
  throw new ReleaseError(
    'UNKNOWN_RELEASE',
    `There is neither a folder or file nor a release "${path}" here; the releases are ${known.join(', ')}.`,
  );
}
