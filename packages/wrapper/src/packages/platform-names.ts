import type { Platform } from './platform.ts';

// Names of systems, CPUs and C libraries in the names of packages and files, by what npm calls them.
const SYSTEMS = wordMap({
  linux: 'linux linux32 linux64 linuxmusl alpine',
  darwin: 'darwin macos mac osx apple',
  win32: 'win win32 win64 windows msvc mingw',
  android: 'android androideabi',
  ios: 'ios',
  freebsd: 'freebsd',
  openbsd: 'openbsd',
  netbsd: 'netbsd',
  sunos: 'sunos solaris',
  aix: 'aix',
  openharmony: 'openharmony ohos',
});
const CPUS = wordMap({
  x64: 'x64 amd64',
  ia32: 'x86 ia32 i386 i586 i686',
  arm64: 'arm64 aarch64 armv8',
  arm: 'arm armv6 armv6l armv7 armv7l armv7a armhf gnueabihf musleabihf',
  ppc64: 'ppc64 ppc64le powerpc64le',
  s390x: 's390x',
  riscv64: 'riscv64 riscv64gc',
  loong64: 'loong64 loongarch64',
  mips: 'mips mipsel mips64el',
  wasm32: 'wasm32',
});
const LIBRARIES = wordMap({ glibc: 'glibc gnu gnueabihf', musl: 'musl linuxmusl musleabihf alpine' });

/** Endings of files say it as well. */
const FILE_SYSTEMS = new Map([
  ...SYSTEMS,
  ...wordMap({ linux: 'so', darwin: 'dylib app', win32: 'dll exe' }),
]);

function wordMap(words: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const pairs = Object.entries(words).flatMap(([name, list]) =>
    list.split(' ').map((word) => [word, name] as const),
  );
  return new Map(pairs);
}

/** The words of a name or a path. */
export function wordsOf(text: string): readonly string[] {
  const words = text
    .toLowerCase()
    .replaceAll(/x86[_-]64/g, 'x64')
    .split(/[^a-z0-9]+/);
  // `linuxx64`, `darwinarm64`, `win32x64`
  return words.flatMap((word) => {
    const joined = /^(linux|linuxmusl|darwin|macos|win32|windows)(x64|arm64|ia32|x86)$/.exec(word);
    return joined ? [joined[1]!, joined[2]!] : [word];
  });
}

/** The systems that the name of a package names. */
export function namedSystems(name: string): readonly string[] {
  return named(wordsOf(name), SYSTEMS);
}

/** Whether the name of a folder says a machine, and nothing else: `arm64-darwin`, `mac`, `x86_64-unknown-linux-gnu`. */
export function isMachineName(name: string): boolean {
  const words = wordsOf(name);
  const isWord = (word: string) => ['unknown', 'pc'].includes(word) || LIBRARIES.has(word);
  const isMachine = (word: string) => SYSTEMS.has(word) || CPUS.has(word);
  return words.some(isMachine) && words.every((word) => isMachine(word) || isWord(word));
}

/** Whether the name of a package (`@esbuild/darwin-arm64`) says that it is for another system, CPU or C library. */
export function saysOther(name: string, platform: Platform): boolean {
  return wordsSayOther(wordsOf(name), platform, SYSTEMS);
}

/** The same of the path of a file, which has more ways to say it. */
export function pathSaysOther(path: string, platform: Platform): boolean {
  return wordsSayOther(wordsOf(path), platform, FILE_SYSTEMS);
}

/** Whether a name names C libraries, and not this one. */
export function saysOtherLibc(name: string, { libc }: Platform): boolean {
  return excludes(wordsOf(name), LIBRARIES, libc);
}

function wordsSayOther(
  words: readonly string[],
  { os, cpu, libc }: Platform,
  systems: ReadonlyMap<string, string>,
): boolean {
  return excludes(words, systems, os) || excludes(words, CPUS, cpu) || excludes(words, LIBRARIES, libc);
}

function excludes(
  words: readonly string[],
  names: ReadonlyMap<string, string>,
  wanted: string | undefined,
): boolean {
  if (wanted === undefined) return false;
  const said = named(words, names);
  return said.length > 0 && !said.includes(wanted);
}

function named(words: readonly string[], names: ReadonlyMap<string, string>): readonly string[] {
  return words.flatMap((word) => names.get(word) ?? []);
}
