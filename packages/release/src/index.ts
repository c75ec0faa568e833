export { assemble, releaseInstallation } from './assemble.ts';
export { type BuildConfiguration, readBuildConfiguration } from './boot/build-configuration.ts';
export { schemaFiles } from './boot/schema-files.ts';
export { writeSourceRelease } from './boot/source-release.ts';
export { configurationSchema } from './definition/json-schema.ts';
export { repositoryOf } from './definition/publishing.ts';
export {
  type ConfigContext,
  defineConfig,
  type ReleaseConfig,
  type SarmaConfig,
} from './definition/sarma-config.ts';
export { ReleaseError } from './error.ts';
export { executableNames } from './executable-names.ts';
export { importSource } from './import-source.ts';
export { type InitResult, writeInit } from './init.ts';
export { findProject, listReleases, loadRelease } from './load.ts';
export type { AssembledRelease, Check, OnNotice, Release, ReleaseOptions, Step } from './release.ts';
export { includeLauncher, includeRuntime } from './runtime-directory.ts';
export { tryVmArgs } from './scripts/try-vm-args.ts';
export { runSteps, type StepActions } from './steps.ts';
export { tarRelease } from './tar.ts';
export { updateTrust } from './update-trust.ts';
