import type { Target } from '../targets.ts';
import { saysOtherLibc } from './platform-names.ts';

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
      ? !saysOtherLibc(name, platform)
      : platform.libc !== undefined && allows(libc, platform.libc))
  );
}

/** Of words one must be the value, and none with a `!` before it may; where all have one, everything else is allowed. */
function allows(words: readonly string[], value: string): boolean {
  if (words.length === 1 && words[0] === 'any') return true;
  if (words.includes(`!${value}`)) return false;
  return words.includes(value) || words.every((word) => word.startsWith('!'));
}
