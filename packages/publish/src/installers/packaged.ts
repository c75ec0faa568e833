import type { PublishedExecutable } from '@sarma/update';
import type { PublishedRelease, PublishPlace, StagedVersion } from '../staged-version.ts';

// What several package managers want to know of a version.

/** A version as package managers are told of it. */
export interface PackagedVersion {
  readonly release: PublishedRelease;
  readonly staged: StagedVersion;
  readonly place: PublishPlace;
}

/** The main program first: it is what a package is called by. */
export function programsOf({ release, staged }: PackagedVersion): readonly string[] {
  const programs = new Set(staged.feed.executables.map(({ program }) => program));
  return [...programs].sort((one, other) => Number(other === release.name) - Number(one === release.name));
}

export function executableFor(
  { staged }: PackagedVersion,
  program: string,
  target: string,
): PublishedExecutable | undefined {
  return staged.feed.executables.find((one) => one.program === program && one.target === target);
}

/** Where a published file of this version is had from; `number` for what its address has in the place of the version. */
export function addressOf({ release, place }: PackagedVersion, file: string, number?: string): string {
  const folder = place.versions.replace('{version}', () => number ?? encodeURIComponent(release.version));
  return `${folder}${encodeURIComponent(file)}`;
}

/** 64 hex digits. */
export function digestOf({ staged }: PackagedVersion, file: string): string {
  return staged.files.find(({ name }) => name === file)!.sha256;
}

/** Package managers insist on one: without a word in package.json, where the versions lie. */
export function homepageOf({ release, place }: PackagedVersion): string {
  return release.about.homepage ?? place.home;
}

export function descriptionOf({ release }: PackagedVersion): string {
  return release.about.description ?? `The program ${release.name}`;
}
