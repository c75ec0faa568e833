export { channelOf, type PublishedExecutable, SIGNATURE, tagOf } from '@sarma/update';
export type { ArchivedFile } from './archive.ts';
export { filesBeside } from './beside.ts';
export { readNotes, readNotesFile } from './changelog.ts';
export { type ChannelFile, leadTo, leftBehind, refuseSharedFolder } from './channel-file.ts';
export { PublishError, type PublishErrorCode } from './error.ts';
export { type BuiltExecutable, findExecutables, type Sought } from './executables.ts';
export { builtCommit } from './github/commit.ts';
export { gitHubToken, refuseOtherTag } from './github/environment.ts';
export type { GitHubEvent, GitHubState, OnGitHubEvent } from './github/events.ts';
export type { GitHubPlace } from './github/place.ts';
export {
  checkGitHub,
  type GitHubDestination,
  type PublishToGitHubOptions,
  publishToGitHub,
  refuseLarge,
} from './github/publish.ts';
export type { PackagedVersion } from './installers/packaged.ts';
export { type PackagerSettings, writePackagers } from './installers/packagers.ts';
export { type KeyPair, writeKeyPair } from './keygen.ts';
export { type PlaceSettings, placeOf } from './place.ts';
export { copyStaged, type Expected, readStaged } from './read-staged.ts';
export { generateKey, keyId, type SigningKey } from './secret-key.ts';
export { readSigningKey } from './signing-key.ts';
export { type StageEvent, type StageRequest, stage } from './stage.ts';
export type { PublishedRelease, PublishPlace, StagedFile, StagedVersion } from './staged-version.ts';
export { requireTrusted } from './trust.ts';
