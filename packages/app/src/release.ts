import { type ReleaseInfo, releaseState } from './state.ts';

/** The release this program is part of; undefined outside one (`sarma run`, tests, plain Node). */
export function release(): ReleaseInfo | undefined {
  return releaseState()?.release;
}

export function isRelease(): boolean {
  return release() !== undefined;
}

/** What starts this release again: the wrapped executable, or `bin/<name>`. Undefined outside a release. */
export function binPath(): string | undefined {
  return releaseState()?.binPath;
}
