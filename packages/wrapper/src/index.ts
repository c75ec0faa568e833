export { launcherPath } from '@sarma/stub';
export type { Artifact } from './artifact.ts';
// For the tests of the whole, which set up their own.
export { openBuildCache } from './build-cache.ts';
export type { Compression } from './compression.ts';
export type { WrapEvent } from './events.ts';
export type { Requirements } from './executables/elf.ts';
export { type Inspection, inspect, inspectSlices } from './inspect.ts';
export { outputPaths } from './outputs.ts';
export { type BuildContext, type BuildStep, BuildStepError, type OwnStepName, type Phase } from './phases.ts';
export { defaultRange } from './runtimes/default-range.ts';
export { fetchRuntimes } from './runtimes/resolve.ts';
export type { Runtime } from './runtimes/runtime.ts';
export type { About, ExecutableSettings } from './settings.ts';
export { findTarget, hostTarget, loadTargets, type Matrix, singleTargets, type Target } from './targets.ts';
export { type Verification, verify } from './verify.ts';
export { type Outcome, wrap } from './wrap.ts';
