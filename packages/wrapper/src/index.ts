export { launcherPath } from '@sarma/stub';
export { addonFinder, type FindAddons } from './addons/find-addons.ts';
export type { FoundAddon, TargetAddons } from './addons/found.ts';
export { missingError, reportMissing } from './addons/missing.ts';
export { assembledPackages, installedPackages } from './addons/packages.ts';
export { toldAddons } from './addons/told-addons.ts';
export type { Artifact } from './artifact.ts';
// For the tests of the whole, which set up their own.
export { openBuildCache } from './build-cache.ts';
export { addChecksums } from './checksums.ts';
export type { Compression } from './compression.ts';
export { isPkgExecutable } from './engines/pkg-mark.ts';
export type { WrapEvent } from './events.ts';
export type { Requirements } from './executables/elf.ts';
export { type Inspection, inspect, inspectSlices } from './inspect.ts';
export { checkDirectory, warnOfNatives } from './native/check-natives.ts';
export { executableName, isNamedFile, outputPaths } from './outputs.ts';
export { type BuildContext, type BuildStep, BuildStepError, type OwnStepName, type Phase } from './phases.ts';
export { readReleaseFile } from './release-file.ts';
export { defaultRange } from './runtimes/default-range.ts';
export { fetchRuntimes } from './runtimes/resolve.ts';
export type { Runtime } from './runtimes/runtime.ts';
export { readSbom } from './sbom/read-sbom.ts';
export type { About, ExecutableSettings } from './settings.ts';
export {
  findTarget,
  hostTarget,
  loadTargets,
  type Matrix,
  singleTargets,
  stubTarget,
  type Target,
} from './targets.ts';
export { type Verification, verify } from './verify.ts';
export { type Weight, weighSlices } from './weights.ts';
export { type Outcome, wrap } from './wrap.ts';
export { writeWhole } from './write-whole.ts';
