import type { TreeFile } from '../tree.ts';

/** What was found of a package's addon for a target. */
export interface FoundAddon {
  readonly package: string;
  readonly version: string;
  readonly how: 'installed' | 'optional dependency' | 'prebuild' | 'downloaded' | 'rebuilt' | 'missing';
  /** Which package or file it is; why one is missing. */
  readonly detail: string;
  /** What to do about a missing one, where that is known. */
  readonly advice?: string;
  /** False where only its metadata was looked at: a build has yet to download it. */
  readonly downloaded?: boolean;
  /** Of a missing one: the project can do without. */
  readonly optional?: boolean;
}

/** A file of the build cache, an absolute path, at its place in the release. */
export interface AddonFile extends TreeFile {
  readonly content: string;
}

/** What a target's release has of its own: what is left out of the host's, what is added, and why. */
export interface TargetAddons {
  /** Places of directories and files. */
  readonly without: readonly string[];
  readonly files: readonly AddonFile[];
  readonly found: readonly FoundAddon[];
  /** Of packages that stay: native files for other targets that are left out, in bytes. */
  readonly left: readonly { readonly package: string; readonly bytes: number }[];
}
