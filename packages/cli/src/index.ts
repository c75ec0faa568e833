export { assemble, defineConfig, loadRelease, type SarmaConfig } from '@sarma/release';
export { type AssembleOptions, assembleProject, type BuildOptions, build as wrap } from './build.ts';
export type { BuildEvent, OnBuildEvent } from './events.ts';
