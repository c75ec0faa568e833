import type { BuildConfiguration } from '../boot/build-configuration.ts';
import type { Roots } from '../boot/roots.ts';
import type { Installation } from '../installation.ts';
import type { Release } from '../release.ts';

/** A release that is about to be written, as our own checks see it. */
export interface Checked {
  readonly release: Release;
  readonly installation: Installation;
  readonly roots: Roots;
  readonly configuration: BuildConfiguration;
  /** First-party sources that the roots and entries lead to. */
  readonly reached: ReadonlySet<string>;
  /** Bundled source → the first-party sources inside; empty where files are copied. */
  readonly bundles: ReadonlyMap<string, ReadonlySet<string>>;
}
