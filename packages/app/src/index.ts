// What an application of a release imports. Works outside a release and in tests too.
export {
  type Application,
  type CodeChange,
  type ConfigChange,
  defineApplication,
  type HandOver,
  type StartContext,
  type StopContext,
} from './application.ts';
export { type CheckForUpdateOptions, checkForUpdate, type UpdateCheck } from './check-for-update.ts';
export {
  type Command,
  type CommandOption,
  type CommandOptions,
  type CommandRun,
  defineCommand,
} from './command.ts';
export {
  type BuildConfiguration,
  defineConfiguration,
  defineProvider,
  type Provider,
  type ProviderBuild,
  type ProviderContext,
  type RuntimeConfiguration,
  type RuntimeContext,
} from './configuration.ts';
export { type EnvMarker, type EnvType, env } from './env.ts';
export { AppError, type AppErrorCode } from './error.ts';
export { binPath, config, isRelease, loadConfiguration, release } from './release.ts';
export {
  type StartApplicationsOptions,
  type StartedApplications,
  startApplications,
} from './start-applications.ts';
export type { Configuration, ReleaseInfo } from './state.ts';
