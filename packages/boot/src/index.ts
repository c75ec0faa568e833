// The types of what is written for the boot, and what is computed of two releases alike in a node and where they are
// made. Its other code is never imported: it is copied into a release.

export { compareVersions } from '@sarma/app/version-order';
export type {
  ApplicationMode,
  BootApplication,
  BootCommand,
  BootConfiguration,
  BootFile,
  BootProvider,
  HookName,
  Instruction,
} from './boot-file.ts';
export {
  type ApplicationChange,
  type DescribedVersion,
  type PackageChange,
  planReload,
  type ReloadObstacle,
  type ReloadPlan,
} from './reload/plan.ts';
export type { PackageFacts, ReleaseFile } from './reload/release-file.ts';
export {
  type RelupEntry,
  type RelupFile,
  relupInstructions,
  type UpgradeInstruction,
  type VersionBound,
} from './relup.ts';
