import type { Package } from '../packages/package.ts';
import type { Target } from '../targets.ts';
import type { NativeFile } from './native-file.ts';

/** A target and the Node in it, as far as native files are concerned. */
export interface Wanted {
  readonly target: Target;
  /** The runtime's version and NODE_MODULE_VERSION; null: not known. */
  readonly node: string;
  readonly modules: number | null;
}

/** Whether the target can load or execute such a file. */
export function fits(file: NativeFile, wanted: Wanted): boolean {
  return fitsSystem(file, wanted.target) && fitsNode(file, wanted);
}

function fitsSystem({ os, cpus, libc, kind }: NativeFile, target: Target): boolean {
  if (os !== target.os) return false;
  const executed = kind === 'executable' ? (EMULATED.get(`${target.os} ${target.cpu}`) ?? []) : [];
  if (![target.cpu, 'any', ...executed].some((cpu) => cpus.includes(cpu))) return false;
  return libc === null || libc === target.libc;
}

/** CPUs whose programs, though not libraries, the system also executes: Windows by itself, macOS with Rosetta. */
const EMULATED: ReadonlyMap<string, readonly string[]> = new Map([
  ['win x64', ['x86']],
  ['win arm64', ['x86', 'x64']],
  ['darwin arm64', ['x64']],
]);

/** An addon whose version is not known gets the benefit of the doubt. */
export function fitsNode({ abi }: NativeFile, { modules }: Wanted): boolean {
  if (abi?.api !== 'modules' || abi.version === null || modules === null) return true;
  return abi.version === modules;
}

/** Whether the system loads an addon that is for another version of Node. */
export function isForOtherNode(file: NativeFile, wanted: Wanted): boolean {
  return fitsSystem(file, wanted.target) && !fitsNode(file, wanted);
}

/** What a file that does not fit is, and what the target needs instead. */
export function mismatch(file: NativeFile, wanted: Wanted): string {
  return `is ${inWords(file, wanted)}; ${wanted.target.name} needs ${wantedInWords(file, wanted)}`;
}

/** What a person does about an addon of a package that is for another version of Node. */
export function otherNodeAdvice(
  { name, firstParty }: Package,
  { abi }: NativeFile,
  { node }: Wanted,
): string {
  const line = (abi?.api === 'modules' && lineOf(abi.version)) || 'VERSION';
  return (
    `${firstParty ? 'Build it' : `Run npm rebuild ${name}`} with Node ${node}, which is the one in the executable, ` +
    `or take the Node that it was built for: --runtime ${line}. wrap.addons.rebuild can build it, too.`
  );
}

/** Lines of Node with long-term support by their NODE_MODULE_VERSION (doc/abi_version_registry.json of Node), for advice only. */
const LINES: ReadonlyMap<number, string> = new Map([
  [108, '18'],
  [115, '20'],
  [127, '22'],
  [137, '24'],
]);

function lineOf(modules: number | null): string | undefined {
  if (String(modules) === process.versions.modules) return process.versions.node.split('.')[0];
  return modules === null ? undefined : LINES.get(modules);
}

const FORMATS = { elf: 'Linux', pe: 'Windows', macho: 'macOS' } as const;
const KINDS = {
  addon: 'an addon',
  library: 'a library',
  executable: 'a program',
  object: 'an object',
} as const;

/** What a file is, in words: `an addon for Linux x64 (musl)`, for what does not fit by its version `for Node …`. */
export function inWords(file: NativeFile, wanted: Wanted): string {
  const kind = KINDS[file.kind];
  if (fitsSystem(file, wanted.target) && file.abi?.api === 'modules') {
    return `${kind} for NODE_MODULE_VERSION ${file.abi.version}`;
  }
  const { format, os, cpus, libc } = file;
  const system = os === 'other' ? OTHERS[format] : FORMATS[format];
  return `${kind} for ${system} ${cpus.join(' and ')}${libc === null ? '' : ` (${libc})`}`;
}

const OTHERS = { elf: 'Android or a BSD', pe: 'another system', macho: 'iOS' } as const;

/** What the target needs, in the words of `inWords`. */
export function wantedInWords(file: NativeFile | null, { target, node, modules }: Wanted): string {
  if (file !== null && fitsSystem(file, target)) return `NODE_MODULE_VERSION ${modules} (Node ${node})`;
  const { os, cpu, libc } = target;
  const system = { linux: 'Linux', darwin: 'macOS', win: 'Windows' }[os];
  return `${system} ${cpu}${libc === undefined ? '' : ` (${libc})`}`;
}
