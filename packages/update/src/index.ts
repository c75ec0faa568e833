export { CHECKSUMS, parseChecksums, SIGNATURE } from './checksums.ts';
export { UpdateError, type UpdateErrorCode } from './error.ts';
export { partsOf } from './executable.ts';
export {
  channelOf,
  FEED,
  type Feed,
  type PublishedExecutable,
  type PublishedPart,
  parseFeed,
} from './feed.ts';
export { type MinisignKey, type MinisignSignature, parsePublicKey, verifySignature } from './minisign.ts';
export { downloadSize, type Plan, planUpdate } from './plan.ts';
export { tagOf, versionOf } from './published.ts';
export { type FeedPlace, SETTINGS, type UpdateSettings, type UpdateTrust } from './settings.ts';
