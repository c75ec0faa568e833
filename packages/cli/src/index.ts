export { assemble, loadRelease } from '@sarma/release';
export { type BuildOptions, build as wrap } from './build.ts';
export type { BuildEvent, OnBuildEvent } from './events.ts';
