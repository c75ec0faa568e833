import type { Target } from '../targets.ts';

/** A machine in the words of npm, which are those of `process.platform`, `process.arch` and detect-libc. */
export interface Platform {
  readonly os: string;
  readonly cpu: string;
  readonly libc: 'glibc' | 'musl' | undefined;
}

const SYSTEMS = { linux: 'linux', darwin: 'darwin', win: 'win32' } as const;
const PROCESSORS: ReadonlyMap<string, string> = new Map([
  ['x86', 'ia32'],
  ['armv7l', 'arm'],
  ['ppc64le', 'ppc64'],
]);

/** The machines that a target's release runs on: one, or one for each slice of a universal executable. */
export function platformsOf({ os, cpu, libc, slices }: Target): readonly Platform[] {
  if (slices !== undefined) return slices.flatMap(platformsOf);
  return [{ os: SYSTEMS[os], cpu: PROCESSORS.get(cpu) ?? cpu, libc }];
}

/** As messages and npm's flags have it: `linux arm64 glibc`. */
export function platformText({ os, cpu, libc }: Platform): string {
  return [os, cpu, libc].filter((word) => word !== undefined).join(' ');
}

/** The fields of `package.json` that say where a package runs (docs.npmjs.com, package.json: os, cpu, libc). */
export interface PlatformFields {
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

/** The fields as lists, whatever form they were written in. */
export function platformFields({ os, cpu, libc }: Readonly<Record<string, unknown>>): PlatformFields {
  const list = (value: unknown) =>
    (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string');
  const [systems, processors, libraries] = [list(os), list(cpu), list(libc)];
  return {
    ...(systems.length > 0 && { os: systems }),
    ...(processors.length > 0 && { cpu: processors }),
    ...(libraries.length > 0 && { libc: libraries }),
  };
}

/** Whether a package is for some machines only. */
export function isPlatformPackage({ os, cpu, libc }: PlatformFields): boolean {
  return os !== undefined || cpu !== undefined || libc !== undefined;
}

/** npm's rules for the three fields; without a field `libc` the name may tell the C library. */
export function runsOn(name: string, fields: PlatformFields, platform: Platform): boolean {
  const { os, cpu, libc } = fields;
  return (
    (os === undefined || allows(os, platform.os)) &&
    (cpu === undefined || allows(cpu, platform.cpu)) &&
    (libc === undefined
      ? saysOtherLibc(name, platform) === false
      : platform.libc !== undefined && allows(libc, platform.libc))
  );
}

/** Of words one must be the value, and none with a `!` before it may; where all have one, everything else is allowed. */
function allows(words: readonly string[], value: string): boolean {
  if (words.length === 1 && words[0] === 'any') return true;
  if (words.includes(`!${value}`)) return false;
  return words.includes(value) || words.every((word) => word.startsWith('!'));
}

/** Names of systems in the names of packages. */
const SYSTEM_WORDS: ReadonlyMap<string, string> = new Map([
  ...['linux', 'linuxmusl', 'android', 'freebsd', 'openbsd', 'netbsd', 'sunos', 'aix', 'openharmony'].map(
    (word) => [word, word === 'linuxmusl' ? 'linux' : word] as const,
  ),
  ...['darwin', 'macos', 'osx'].map((word) => [word, 'darwin'] as const),
  ...['win32', 'windows'].map((word) => [word, 'win32'] as const),
]);

/** The systems that the name of a package names, as its field `os` would. */
export function namedSystems(name: string): PlatformFields {
  const os = wordsOf(name).flatMap((word) => SYSTEM_WORDS.get(word) ?? []);
  return os.length === 0 ? {} : { os };
}

/** Names of CPUs in the names of packages. */
const PROCESSOR_WORDS: ReadonlyMap<string, string> = new Map([
  ...['x64', 'arm64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'loong64', 'mips64el', 'wasm32'].map(
    (word) => [word, word] as const,
  ),
  ['aarch64', 'arm64'],
  ['armv7', 'arm'],
  ['armhf', 'arm'],
  ['i686', 'ia32'],
  ['x86', 'ia32'],
  ['ppc64le', 'ppc64'],
]);

/** Whether the name of a package (`@esbuild/darwin-arm64`) says that it is for another system, CPU or C library. */
export function saysOther(name: string, platform: Platform): boolean {
  const { os } = namedSystems(name);
  const cpu = wordsOf(name).flatMap((word) => PROCESSOR_WORDS.get(word) ?? []);
  return (
    (os !== undefined && !os.includes(platform.os)) ||
    (cpu.length > 0 && !cpu.includes(platform.cpu)) ||
    saysOtherLibc(name, platform)
  );
}

function saysOtherLibc(name: string, { libc }: Platform): boolean {
  if (libc === undefined) return false;
  const words = wordsOf(name);
  const says = (other: RegExp) => words.some((word) => other.test(word));
  return libc === 'musl' ? says(/^(gnu|glibc|gnueabihf)$/) : says(/^(linux)?musl(eabihf)?$/);
}

function wordsOf(name: string): readonly string[] {
  return name.toLowerCase().split(/[^a-z0-9]+/);
}
