export {
  assemble,
  type Check,
  type ConfigContext,
  defineConfig,
  loadRelease,
  type Release,
  type SarmaConfig,
  type Step,
} from '@sarma/release';
export type { BuildContext, BuildStep } from '@sarma/wrapper';
export { type AssembleOptions, assembleProject, type BuildOptions, build as wrap } from './build.ts';
export type { BuildEvent, OnBuildEvent } from './events.ts';
