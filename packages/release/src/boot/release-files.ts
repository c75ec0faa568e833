import type { BootApplication, BootFile, ReleaseFile } from '@sarma/boot';
import type { BundledPackage } from '../bundle/bundled-packages.ts';
import type { Release, ReleasePackage } from '../release.ts';
import { startText } from '../runtime-directory.ts';
import type { Tree } from '../tree.ts';
import { addBootCode } from './code.ts';
import { digestOf } from './digests.ts';

/** What of a release is known once its files have their places. */
export interface ReleaseFiles {
  /** Program → the file Node executes for it. */
  readonly entries: Readonly<Record<string, string>>;
  /** Those of a service with what is in them. */
  readonly packages: readonly ReleasePackage[];
  readonly preload: NonNullable<ReleaseFile['fixed']>['preload'];
  readonly bundled: readonly BundledPackage[];
  /** Null for programs that Node runs without a boot. */
  readonly boot: BootFile | null;
  readonly nodeLine: number | null;
  /** application → key → value or marker. */
  readonly configuration: object;
  /** Arguments for Node that mean the same on every machine. */
  readonly vmArgs: readonly string[];
  /** Whether a shell has to start it. */
  readonly shell: boolean;
}

/** Adds `releases/` and what else lies beside `lib/`. */
export async function addReleaseFiles(tree: Tree, release: Release, files: ReleaseFiles): Promise<void> {
  const add = (file: string, value: unknown): void => {
    tree.set(file, { type: 'text', text: `${JSON.stringify(value, null, 2)}\n`, mode: 0o644 });
  };
  const { name, version, kind, environment, options, notes } = release;
  const { entries, packages, preload, bundled, boot, nodeLine, configuration, vmArgs, shell } = files;
  const folder = versionFolder(release);
  const { keep, maintenance, nodeOptions, mutable, compileCache, snapshot } = options.wrap;
  add('package.json', { private: true, type: 'commonjs' });
  tree.set('releases/start.json', { type: 'text', text: startText(version, null), mode: 0o644 });
  const code = boot === null ? undefined : await addBootCode(tree, folder);
  const isService = code !== undefined && kind === 'service';
  add(`${folder}/release.json`, {
    name,
    version,
    kind,
    environment,
    nodeLine,
    entries,
    applications: (boot?.applications ?? []).map(described),
    vmArgs,
    shell,
    wrap: { keep, maintenance, nodeOptions, mutable, compileCache, snapshot },
    packages,
    ...(isService && { fixed: { boot: digestOf(code), preload } }),
    ...(bundled.length > 0 && { bundled }),
    notes,
  });
  if (boot === null) return;
  add(`${folder}/boot.json`, boot);
  add(`${folder}/sys.config.json`, configuration);
  if (kind === 'service') return;
  for (const program of Object.keys(release.entries)) {
    const text = `globalThis[Symbol.for('sarma.program')] = ${JSON.stringify(program)};\nrequire('./boot.cjs');\n`;
    tree.set(startFile(release, program), { type: 'text', text, mode: 0o644 });
  }
}

function described({ name, version, mode }: BootApplication): object {
  return { name, version, mode };
}

export function versionFolder({ version }: Release): string {
  return `releases/${version}`;
}

/** What Node executes for a program that has a configuration. */
export function startFile(release: Release, program: string): string {
  return `${versionFolder(release)}/start-${program}.cjs`;
}
