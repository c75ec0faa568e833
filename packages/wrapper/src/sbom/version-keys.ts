/** A key of `process.versions`: what its values look like, and what is known of the library behind it. */
export interface VersionKey {
  readonly form: RegExp;
  /** Where there is the name, there need not be a value. */
  readonly mayLack?: true;
  /** The number of an interface, no component. */
  readonly isInterface?: true;
  /** What it is called where it comes from; default: the key. */
  readonly name?: string;
  /** SPDX. */
  readonly license?: string;
  /** The first major version under that license; default: all that a Node of today can have. */
  readonly since?: number;
  /** Vendor and product in the National Vulnerability Database. */
  readonly cpe?: string;
  /** It is a package of npm, taken into Node. */
  readonly npm?: true;
  readonly data?: true;
}

const form = /^\d+\.\d+\.\d+(?:\.\d+)?(?:[-+][\w.-]+)?$/;
const NUMBER = /^\d{1,3}$/;
const RELEASE = /^\d+\.\d+(?:\.\d+)?$/;

/** The keys that `process.versions` had or has, in its order. */
export const VERSION_KEYS: Readonly<Record<string, VersionKey>> = {
  acorn: { form, npm: true, license: 'MIT' },
  ada: { form, license: 'MIT OR Apache-2.0' },
  amaro: { form, npm: true, license: 'MIT' },
  ares: { form, name: 'c-ares', license: 'MIT', cpe: 'c-ares:c-ares' },
  // Everybody's word, and the library's no longer.
  base64: { form, mayLack: true, license: 'BSD-2-Clause' },
  brotli: { form, license: 'MIT', cpe: 'google:brotli' },
  cjs_module_lexer: { form, name: 'cjs-module-lexer', npm: true, license: 'MIT' },
  cldr: { form: RELEASE, data: true, license: 'Unicode-3.0', since: 45 },
  icu: { form: RELEASE, license: 'Unicode-3.0', since: 75 },
  libffi: { form, license: 'MIT' },
  lief: { form, license: 'Apache-2.0' },
  llhttp: { form, license: 'MIT', cpe: 'llhttp:llhttp' },
  merve: { form },
  modules: { form: NUMBER, isInterface: true },
  // One letter: V8 has that string already, and writes a reference.
  napi: { form: NUMBER, mayLack: true, isInterface: true },
  nbytes: { form },
  ncrypto: { form },
  nghttp2: { form, license: 'MIT', cpe: 'nghttp2:nghttp2' },
  // Empty in a Node without QUIC.
  nghttp3: { form, mayLack: true, license: 'MIT' },
  ngtcp2: { form, mayLack: true, license: 'MIT' },
  openssl: { form, license: 'Apache-2.0', since: 3, cpe: 'openssl:openssl' },
  simdjson: { form, license: 'Apache-2.0' },
  simdutf: { form, license: 'MIT OR Apache-2.0' },
  // Names of modules too, in a Node whose `process.versions` does not have them yet.
  sqlite: { form, mayLack: true, license: 'blessing', cpe: 'sqlite:sqlite' },
  tz: { form: /^\d{4}[a-z]$/, name: 'tzdata', data: true },
  undici: { form, npm: true, license: 'MIT', cpe: 'nodejs:undici' },
  unicode: { form: RELEASE, name: 'ucd', data: true },
  uv: { form, name: 'libuv', license: 'MIT', cpe: 'libuv:libuv' },
  uvwasi: { form, license: 'MIT' },
  v8: { form: /^\d+\.\d+\.\d+\.\d+-node\.\d+$/, license: 'BSD-3-Clause', cpe: 'google:v8' },
  zlib: { form, license: 'Zlib', cpe: 'zlib:zlib' },
  zstd: { form, mayLack: true, license: 'BSD-3-Clause OR GPL-2.0-only', cpe: 'facebook:zstandard' },
};
