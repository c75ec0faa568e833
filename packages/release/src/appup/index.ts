// What only those need who make upgrades: no other command loads it.
export type { Appup } from './appup-file.ts';
export { type FoundVersion, findVersion } from './described-version.ts';
export { type Draft, draftAppups } from './draft.ts';
export { earlierVersions } from './earlier-versions.ts';
export { type RelupResult, writeRelup } from './relup.ts';
export { type AppupResult, writeAppups } from './write-appups.ts';
