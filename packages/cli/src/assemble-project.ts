import {
  type AssembledRelease,
  assemble,
  loadRelease,
  type Release,
  type ReleaseOptions,
} from '@sarma/release';
import type { OnBuildEvent } from './events.ts';

export interface AssembleOptions extends ReleaseOptions {
  readonly onEvent?: OnBuildEvent | undefined;
}

/** Project → release → assembled release. Throws ReleaseError. */
export async function assembleProject(options: AssembleOptions): Promise<AssembledRelease> {
  return await assembleReported(await loadReported(options), options.onEvent);
}

/** `loadRelease`, told as an event. */
export async function loadReported({ onEvent, ...options }: AssembleOptions): Promise<Release> {
  const release = await loadRelease(options);
  const { name, version, project, notes } = release;
  onEvent?.({ type: 'release', name, version, project, programs: Object.keys(release.entries), notes });
  return release;
}

/** `assemble`, told as events. */
export async function assembleReported(release: Release, onEvent?: OnBuildEvent): Promise<AssembledRelease> {
  const started = performance.now();
  const assembled = await assemble(release, onEvent);
  const { path: directory, files, bytes } = assembled;
  onEvent?.({ type: 'assembled', directory, files, bytes, milliseconds: performance.now() - started });
  return assembled;
}
