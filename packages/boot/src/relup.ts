// `releases/<version>/relup.json`: what an upgrade to this version, or a downgrade from it, does. Made by the step
// 'relup' of packages/release from the files of rel/appups; read by whoever carries an upgrade out.

import { compareVersions } from '@sarma/app/version-order';

/** One thing that an upgrade does. */
export type UpgradeInstruction =
  /** All of it: the new version is started beside the old one, and nothing else here counts. */
  | 'restart_node'
  /** The package of that name (each of its copies that has changed) is imported anew from the new version. */
  | { readonly load: string }
  /** The application's new lifecycle module gets the state, by its `codeChange`. */
  | { readonly reload: string }
  /** The application is stopped, and started with its new code. */
  | { readonly restart: string }
  /** The application did not run before. */
  | { readonly start: string }
  /** The application does not run any more. */
  | { readonly stop: string };

export interface RelupFile {
  readonly format: 1;
  readonly name: string;
  /** The version of the release that it lies in: where `up` leads to and `down` begins. */
  readonly version: string;
  /** The first that holds counts: versions before ranges, narrow ranges before wide ones. */
  readonly from: readonly RelupEntry[];
}

export interface RelupEntry {
  /** A release's version, or as it was written a range of them: `0.1.x`. */
  readonly version: string;
  /** Of a range: what a version is held to. One of these lists has to hold as a whole. */
  readonly range?: readonly (readonly VersionBound[])[];
  readonly up: readonly UpgradeInstruction[];
  readonly down: readonly UpgradeInstruction[];
}

/** By the order of Semantic Versioning 2.0.0, prereleases among the others: 0.2.0-rc.1 is below 0.2.0 and above 0.1.9. */
export interface VersionBound {
  readonly operator: '<' | '<=' | '=' | '>=' | '>';
  readonly version: string;
}

/**
 * What leads from one version to another: `up` of the newer one's file, else `down` of the older one's; undefined
 * where neither names the other version. `relupOf` reads a version's file, undefined where it has none.
 */
export function relupInstructions(
  from: string,
  to: string,
  relupOf: (version: string) => RelupFile | undefined,
): readonly UpgradeInstruction[] | undefined {
  return entryFor(relupOf(to), from)?.up ?? entryFor(relupOf(from), to)?.down;
}

function entryFor(relup: RelupFile | undefined, version: string): RelupEntry | undefined {
  const exact = relup?.from.find((entry) => entry.version === version);
  return exact ?? relup?.from.find(({ range }) => range !== undefined && isWithin(version, range));
}

function isWithin(version: string, range: readonly (readonly VersionBound[])[]): boolean {
  return range.some((bounds) => bounds.every((bound) => holds(version, bound)));
}

function holds(version: string, bound: VersionBound): boolean {
  const order = compareVersions(version, bound.version);
  if (order === undefined) return false;
  switch (bound.operator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>':
      return order > 0;
  }
}
