import { packageUrl } from './package-url.ts';
import { VERSION_KEYS, type VersionKey } from './version-keys.ts';

/** A library that Node is built from. */
export interface NodeComponent {
  readonly name: string;
  readonly version: string;
  readonly type: 'library' | 'data';
  readonly purl: string;
  /** SPDX. */
  readonly license: string | undefined;
  readonly cpe: string | undefined;
}

/**
 * The libraries behind `process.versions`, sorted by name. Of keys that are in no table of ours nothing else is said.
 */
export function nodeComponents(versions: Readonly<Record<string, string>>): readonly NodeComponent[] {
  return Object.entries(versions)
    .filter(([key, version]) => !VERSION_KEYS[key]?.isInterface && version !== '')
    .map(([key, version]) => {
      const { name = key, license, since = 0, cpe, npm, data }: Partial<VersionKey> = VERSION_KEYS[key] ?? {};
      return {
        ...{ name, version, type: data ? ('data' as const) : ('library' as const) },
        license: Number.parseInt(version, 10) >= since ? license : undefined,
        purl: packageUrl(npm ? 'npm' : 'generic', name, version),
        cpe: cpe && `cpe:2.3:a:${cpe}:${cpeVersion(version)}:*:*:*:*:*:*:*`,
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The upstream number: databases do not know `1.3.1-e00f703`, `13.6.233.17-node.53`, `3.0.12+quic`. */
function cpeVersion(version: string): string {
  return version.replace(/[-+].*$/, '');
}
