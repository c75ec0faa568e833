export type { Appup } from './appup/appup-file.ts';
export { type FoundVersion, findVersion } from './appup/described-version.ts';
export { type Draft, draftAppups } from './appup/draft.ts';
export { earlierVersions } from './appup/earlier-versions.ts';
export { type RelupResult, writeRelup } from './appup/relup.ts';
export { type AppupResult, writeAppups } from './appup/write-appups.ts';
export { assemble, releaseInstallation } from './assemble.ts';
export { type BuildConfiguration, readBuildConfiguration } from './boot/build-configuration.ts';
export { schemaFiles } from './boot/schema-files.ts';
export { writeSourceRelease } from './boot/source-release.ts';
export { type CleanPlan, clean, planClean } from './clean.ts';
export { configurationSchema } from './definition/json-schema.ts';
export {
  type ConfigContext,
  defineConfig,
  type ReleaseConfig,
  type SarmaConfig,
} from './definition/sarma-config.ts';
export { ReleaseError } from './error.ts';
export { importSource } from './import-source.ts';
export { type InitResult, writeInit } from './init.ts';
export { findProject, listReleases, loadRelease } from './load.ts';
export type { AssembledRelease, Check, OnNotice, Release, ReleaseOptions, Step } from './release.ts';
export { includeLauncher, includeRuntime } from './runtime-directory.ts';
export { tryVmArgs } from './scripts/try-vm-args.ts';
export { runSteps, type StepActions } from './steps.ts';
export { tarRelease } from './tar.ts';
