// The types of what is written for the boot. Its code is never imported: it is copied into a release.
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
