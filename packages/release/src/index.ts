export { assemble } from './assemble.ts';
export {
  type ConfigContext,
  defineConfig,
  type ReleaseConfig,
  type SarmaConfig,
} from './definition/sarma-config.ts';
export { ReleaseError } from './error.ts';
export { findProject, loadRelease } from './load.ts';
export type { AssembledRelease, OnNotice, Release, ReleaseOptions } from './release.ts';
export { runSteps, type StepActions } from './steps.ts';
