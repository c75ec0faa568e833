// The types of what is upgraded to. The code is imported where it is needed, by import(): a start pays for none of it.
export type { InstalledVersion } from './list.ts';
export type { VersionPlaces } from './places.ts';
export type { PreparedVersion } from './prepare.ts';
export type { VersionProgram } from './run-version.ts';
export type { StartRecord } from './start-record.ts';
