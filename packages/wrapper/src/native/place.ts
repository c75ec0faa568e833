import { platformsOf, runsOn } from '../packages/platform.ts';
import type { Target } from '../targets.ts';
import type { NativeFile } from './native-file.ts';
import type { NativePackage } from './native-package.ts';

/**
 * Whether a file's package, folder or name says that it is for other machines than the target, or another version of
 * Node: then nothing loads it there, whatever it is (`prebuilds/darwin-x64`, `vendor/mac`, `bin/linux-x64-115`).
 */
export function liesWithOthers(
  place: string,
  owner: NativePackage,
  target: Target,
  file: NativeFile | null,
): boolean {
  const platforms = platformsOf(target);
  if (!platforms.some((platform) => runsOn(owner.name, owner.platform, platform))) return true;
  const inside = place.slice(owner.place.length);
  // What the project calls itself says nothing of its files.
  const words = wordsOf(owner.firstParty ? inside : `${owner.name}/${inside}`);
  return saysOther(words, target) || saysOtherNode(words, file);
}

/** Names of systems, CPUs and C libraries in the names of files, and what targets call them. */
const SYSTEMS = wordMap({
  linux: 'linux linux32 linux64 linuxmusl alpine so',
  darwin: 'darwin macos mac osx apple dylib app',
  win: 'win win32 win64 windows msvc mingw dll exe',
  other: 'android androideabi ios freebsd openbsd netbsd sunos solaris aix openharmony ohos',
});
const CPUS = wordMap({
  x64: 'x64 amd64',
  x86: 'x86 ia32 i386 i586 i686',
  arm64: 'arm64 aarch64 armv8',
  armv7l: 'arm armv6 armv6l armv7 armv7l armv7a armhf gnueabihf musleabihf',
  ppc64le: 'ppc64 ppc64le powerpc64le',
  s390x: 's390x',
  riscv64: 'riscv64 riscv64gc',
  loong64: 'loong64 loongarch64',
  mips: 'mips mipsel mips64el',
});
const LIBRARIES = wordMap({ glibc: 'glibc gnu gnueabihf', musl: 'musl linuxmusl musleabihf alpine' });

function wordMap(words: Readonly<Record<string, string>>): ReadonlyMap<string, readonly string[]> {
  const map = new Map<string, string[]>();
  for (const [name, list] of Object.entries(words)) {
    for (const word of list.split(' ')) map.set(word, [...(map.get(word) ?? []), name]);
  }
  return map;
}

function wordsOf(text: string): readonly string[] {
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

function saysOther(words: readonly string[], { os, cpu, libc }: Target): boolean {
  const excludes = (names: ReadonlyMap<string, readonly string[]>, wanted: string) => {
    const said = words.flatMap((word) => names.get(word) ?? []);
    return said.length > 0 && !said.includes(wanted);
  };
  return excludes(SYSTEMS, os) || excludes(CPUS, cpu) || (libc !== undefined && excludes(LIBRARIES, libc));
}

/** `abi115`, `linux-x64-115`, `node-20`: one of several, of which the package's loader chooses. */
function saysOtherNode(words: readonly string[], file: NativeFile | null): boolean {
  if (file?.abi?.api !== 'modules') return false;
  const { version } = file.abi;
  return words.some(
    (word, index) =>
      (version !== null && [`abi${version}`, `v${version}`, String(version)].includes(word)) ||
      (words[index - 1] === 'node' && /^v?\d+$/.test(word)),
  );
}
