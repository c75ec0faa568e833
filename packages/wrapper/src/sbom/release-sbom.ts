import { readFileSync } from 'node:fs';
import type { AssembledRelease } from '../assembled-release.ts';
import type { BuildCache } from '../build-cache.ts';
import type { ManifestRuntime } from '../manifest.ts';
import type { Runtime } from '../runtimes/runtime.ts';
import type { ExecutableSettings } from '../settings.ts';
import type { Target } from '../targets.ts';
import { fileOfBytes, type Tree, withFiles } from '../tree.ts';
import { nodeVersionsOf } from './node-versions.ts';
import { type FindIntegrity, shippedPackages } from './release-packages.ts';

/** The build of a target, as far as it matters for what is in its executables. */
interface Described {
  readonly release: AssembledRelease;
  readonly target: Target;
  readonly settings: ExecutableSettings;
  /** As it was published. */
  readonly runtime: Runtime;
}

/** Where the bill of materials lies, relative to the release's root. */
export function sbomPath({ version }: { readonly version: string }): string {
  return `releases/${version}/sbom.cdx.json`;
}

/** Lays the bill of materials over a release as it is installed on its target. Throws what reading it throws. */
export async function addBillOfMaterials(
  tree: Tree,
  { release, target, settings, runtime: published }: Described,
  runtime: ManifestRuntime,
  integrity: FindIntegrity,
  cache: BuildCache,
): Promise<Tree> {
  const path = sbomPath(release);
  const [{ billOfMaterials }, packages, versions] = await Promise.all([
    // Its library takes a while to load.
    import('./bill-of-materials.ts'),
    shippedPackages(tree, release, integrity),
    nodeVersionsOf(published, cache),
  ]);
  const { name, version, kind } = release;
  const { about } = settings;
  const content = billOfMaterials({
    ...{ name, version, kind, target: target.name, about, runtime, versions, packages },
    stubVersion: ownVersion(),
  });
  return withFiles(tree, [fileOfBytes(path, content)]);
}

function ownVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
