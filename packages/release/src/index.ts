export { assemble } from './assemble.ts';
export { ReleaseError } from './error.ts';
export { findProject, loadRelease } from './load.ts';
export type { AssembledRelease, OnNotice, Release, ReleaseOptions } from './release.ts';
