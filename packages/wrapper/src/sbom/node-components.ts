import { packageUrl } from './package-url.ts';

/** A library that Node is built from. */
export interface NodeComponent {
  readonly name: string;
  readonly version: string;
  readonly type: 'library' | 'data';
  readonly purl: string;
  /** SPDX. */
  readonly licence: string | undefined;
  readonly cpe: string | undefined;
}

interface Known {
  /** What it is called where it comes from; default: as in `process.versions`. */
  readonly name?: string;
  readonly licence?: string;
  /** The first major version under that licence; default: all that a Node of today can have. */
  readonly since?: number;
  /** Vendor and product in the National Vulnerability Database. */
  readonly cpe?: string;
  /** It is a package of npm, taken into Node. */
  readonly npm?: true;
  readonly data?: true;
}

/** By the keys of `process.versions`. Keys that are not here are named too, with nothing said of them. */
const KNOWN: Readonly<Record<string, Known>> = {
  acorn: { npm: true, licence: 'MIT' },
  ada: { licence: 'MIT OR Apache-2.0' },
  amaro: { npm: true, licence: 'MIT' },
  ares: { name: 'c-ares', licence: 'MIT', cpe: 'c-ares:c-ares' },
  base64: { licence: 'BSD-2-Clause' },
  brotli: { licence: 'MIT', cpe: 'google:brotli' },
  cjs_module_lexer: { name: 'cjs-module-lexer', npm: true, licence: 'MIT' },
  cldr: { data: true, licence: 'Unicode-3.0', since: 45 },
  icu: { licence: 'Unicode-3.0', since: 75 },
  libffi: { licence: 'MIT' },
  lief: { licence: 'Apache-2.0' },
  llhttp: { licence: 'MIT', cpe: 'llhttp:llhttp' },
  nghttp2: { licence: 'MIT', cpe: 'nghttp2:nghttp2' },
  nghttp3: { licence: 'MIT' },
  ngtcp2: { licence: 'MIT' },
  openssl: { licence: 'Apache-2.0', since: 3, cpe: 'openssl:openssl' },
  simdjson: { licence: 'Apache-2.0' },
  simdutf: { licence: 'MIT OR Apache-2.0' },
  sqlite: { licence: 'blessing', cpe: 'sqlite:sqlite' },
  tz: { name: 'tzdata', data: true },
  undici: { npm: true, licence: 'MIT', cpe: 'nodejs:undici' },
  unicode: { name: 'ucd', data: true },
  uv: { name: 'libuv', licence: 'MIT', cpe: 'libuv:libuv' },
  uvwasi: { licence: 'MIT' },
  v8: { licence: 'BSD-3-Clause', cpe: 'google:v8' },
  zlib: { licence: 'Zlib', cpe: 'zlib:zlib' },
  zstd: { licence: 'BSD-3-Clause OR GPL-2.0-only', cpe: 'facebook:zstandard' },
};

/** Numbers of interfaces, no components. */
const INTERFACES = ['modules', 'napi'];

/** The libraries behind `process.versions`, sorted by name. */
export function nodeComponents(versions: Readonly<Record<string, string>>): readonly NodeComponent[] {
  return Object.entries(versions)
    .filter(([key, version]) => !INTERFACES.includes(key) && version !== '')
    .map(([key, version]) => {
      const { name = key, licence, since = 0, cpe, npm, data } = KNOWN[key] ?? {};
      return {
        ...{ name, version, type: data ? ('data' as const) : ('library' as const) },
        licence: Number.parseInt(version, 10) >= since ? licence : undefined,
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
