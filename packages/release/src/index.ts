export { assemble } from './assemble.ts';
export { ReleaseError, type ReleaseErrorCode } from './error.ts';
export { loadRelease } from './load.ts';
export type {
  AssembledRelease,
  CodeMode,
  Release,
  ReleaseEvent,
  ReleaseOptions,
  ReleasePackage,
} from './release.ts';
