import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { distance } from 'fastest-levenshtein';
import shipped from './targets.json' with { type: 'json' };

/** One row of the matrix: an operating system, a CPU and, on Linux, a C library. */
export interface Target {
  readonly name: string;
  readonly os: 'linux' | 'darwin' | 'win';
  readonly cpu: string;
  readonly libc?: 'glibc' | 'musl';
  /** The target triple that Zig builds the stub for; '' for a universal one. */
  readonly zig: string;
  /** npm packages that hold the runtime, in the order of preference. */
  readonly npm: readonly string[];
  /** What the runtime is called at nodejs.org, behind `node-vX.Y.Z-`, or with a slash the path below `vX.Y.Z/`. */
  readonly nodejs?: string;
  /** Where the runtime is published instead of at nodejs.org, with the same layout. */
  readonly mirror?: string;
  /** The newest line (major version) that is built for this target, where lines after it are not. */
  readonly newest?: number;
  /** Of a universal target: the targets whose executables are joined to one file, in their order in it. */
  readonly slices?: readonly Target[];
}

/** Every target by name. */
export type Matrix = ReadonlyMap<string, Target>;

export class UnknownTargetError extends Error {
  override readonly name = 'UnknownTargetError';
  readonly code = 'UNKNOWN_TARGET';
}

/** A `targets.json` cannot be read or breaks the schema. */
export class TargetsFileError extends Error {
  override readonly name = 'TargetsFileError';
  readonly code = 'TARGETS_FILE_INVALID';
}

/**
 * The shipped matrix with the rows of the project's own `targets.json`, if it has one: new rows are added, known
 * ones changed field by field. Throws TargetsFileError.
 */
export async function loadTargets(project: string): Promise<Matrix> {
  const file = path.join(project, 'targets.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return shippedTargets;
    throw new TargetsFileError(`Cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new TargetsFileError(`${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  return parseTargets(json, file, shippedTargets);
}

/** The target of that name, or of what other tools call it (`win32-x64`, `macos-arm64`, `linux-amd64`). Throws UnknownTargetError. */
export function findTarget(matrix: Matrix, name: string): Target {
  const target = matrix.get(name) ?? matrix.get(canonicalName(name));
  if (target !== undefined) return target;
  throw new UnknownTargetError(
    `Unknown target "${name}". Did you mean ${nearest(name, matrix)}? There are: ${[...matrix.keys()].join(', ')}.`,
  );
}

/** A system that is named at all is the one that is meant. */
function nearest(name: string, matrix: Matrix): string {
  const canonical = canonicalName(name);
  const os = wordsOf(name).find((word) => OS_NAMES.has(word)) && canonical.split('-')[0];
  const libc = wordsOf(name).includes('musl') ? 'musl' : undefined;
  const meant = [...matrix.values()].filter(
    (target) => (os === undefined || target.os === os) && (libc === undefined || target.libc === libc),
  );
  const far = (other: string) => Math.min(distance(name.toLowerCase(), other), distance(canonical, other));
  const names = meant.length > 0 ? meant.map((target) => target.name) : [...matrix.keys()];
  return names.toSorted((a, b) => far(a) - far(b))[0]!;
}

/**
 * The name of the target whose stub and launcher a target has. They are built for the shipped rows, and a row of the
 * project's own with the same triple shares them.
 */
export function stubTarget({ name, zig }: Target): string {
  if (shippedTargets.get(name)?.zig === zig) return name;
  return [...shippedTargets.values()].find((row) => row.zig === zig)?.name ?? name;
}

/** What is built for these targets: universal ones are the builds of their slices. Each once. */
export function singleTargets(targets: readonly Target[]): readonly Target[] {
  return [...new Set(targets.flatMap((target) => target.slices ?? [target]))];
}

/** The target whose executables start on this machine, if it is among these. */
export function hostAmong(targets: Iterable<Target>): Target | undefined {
  const { os, cpu, libc } = hostMachine();
  return [...targets].find((target) => target.os === os && target.cpu === cpu && target.libc === libc);
}

/** This machine, as a row of the matrix names it. */
export function hostMachine() {
  const os = OS_NAMES.get(process.platform) ?? process.platform;
  return { os, cpu: hostCpu(), libc: os === 'linux' ? hostLibc() : undefined };
}

/** The target of this machine. Throws UnknownTargetError when the matrix has no row for it. */
export function hostTarget(matrix: Matrix): Target {
  const found = hostAmong(matrix.values());
  if (found !== undefined) return found;
  const { os, cpu, libc } = hostMachine();
  const machine = [os, cpu, ...(libc === 'musl' ? ['musl'] : [])].join('-');
  throw new UnknownTargetError(
    `No target for this machine (${machine}). There are: ${[...matrix.keys()].join(', ')}. ` +
      'Choose with --target, or add a row to targets.json in the project.',
  );
}

const OS_NAMES: ReadonlyMap<string, string> = new Map([
  ['linux', 'linux'],
  ['darwin', 'darwin'],
  ['macos', 'darwin'],
  ['mac', 'darwin'],
  ['osx', 'darwin'],
  ['win', 'win'],
  ['win32', 'win'],
  ['windows', 'win'],
]);

const CPU_NAMES: ReadonlyMap<string, string> = new Map([
  ['amd64', 'x64'],
  ['aarch64', 'arm64'],
  ['arm', 'armv7l'],
  ['armv7', 'armv7l'],
  ['armhf', 'armv7l'],
  ['ia32', 'x86'],
  ['i386', 'x86'],
  ['i686', 'x86'],
  ['powerpc64le', 'ppc64le'],
  ['universal2', 'universal'],
]);

/** Parts of other tools' names that tell no two of our targets apart. */
const FILLERS = new Set(['unknown', 'pc', 'apple', 'gnu', 'glibc', 'msvc']);

/** OS, CPU, C library, in our words. A CPU alone means this machine's OS. */
function canonicalName(name: string): string {
  const words = wordsOf(name);
  const os = words.map((word) => OS_NAMES.get(word)).find((word) => word !== undefined);
  const rest = words.filter((word) => !OS_NAMES.has(word) && !FILLERS.has(word));
  const cpu = rest.filter((word) => word !== 'musl').map((word) => CPU_NAMES.get(word) ?? word);
  const libc = rest.filter((word) => word === 'musl');
  return [os ?? OS_NAMES.get(process.platform), ...cpu, ...libc].join('-');
}

/** `win64` and `linux64` are the x64 ones. */
function wordsOf(name: string): readonly string[] {
  return name
    .toLowerCase()
    .replaceAll(/x86[_-]64/g, 'x64')
    .replace(/alpine|linuxmusl/, 'linux-musl')
    .replace(/^(win|linux)64$/, '$1-x64')
    .split(/[-_/.]/);
}

function hostCpu(): string {
  if (process.arch === 'ppc64') return 'ppc64le';
  return CPU_NAMES.get(process.arch) ?? process.arch;
}

/** Only a Node that was linked with glibc reports which one runs. */
function hostLibc(): 'glibc' | 'musl' {
  libcOfHost ??= reportedLibc();
  return libcOfHost;
}

/** Asked for several times, and a report takes 5 ms and more. */
let libcOfHost: 'glibc' | 'musl' | undefined;

function reportedLibc(): 'glibc' | 'musl' {
  // Else it looks up the name of every network interface's address.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

function parseTargets(json: unknown, file: string, base: Matrix): Matrix {
  const matrix = new Map(base);
  for (const [name, row] of Object.entries(object(json, file, 'the file'))) {
    if (!/^[a-z0-9]+(-[a-z0-9]+)+$/.test(name)) {
      throw new TargetsFileError(
        `${file}: "${name}" is no target name. Expected something like "linux-x64".`,
      );
    }
    const fields = object(row, file, `"${name}"`);
    const target = parseTarget(name, { ...rowOf(base.get(name)), ...fields }, file);
    if (base.size > 0) checkStub(target, base, file);
    matrix.set(name, target);
  }
  for (const target of matrix.values()) {
    if (target.slices) matrix.set(target.name, { ...target, slices: slicesOf(target, matrix, file) });
  }
  return matrix;
}

/** Throws TargetsFileError for a target that none of the stubs that Sarma comes with is for. */
function checkStub({ name, zig }: Target, base: Matrix, file: string): void {
  const triples = new Set([...base.values()].map((row) => row.zig));
  if (triples.has(zig)) return;
  const known = [...triples].filter((triple) => triple !== '').join(', ');
  throw new TargetsFileError(
    `${file}: Sarma has no stub for ${JSON.stringify(zig)}, the "zig" of "${name}". It has those for: ${known}.`,
  );
}

/** A target as a `targets.json` has it. */
function rowOf(target: Target | undefined): Record<string, unknown> {
  if (target?.slices === undefined) return { ...target };
  const { zig: _none, slices, ...row } = target;
  return { ...row, slices: slices.map(({ name }) => name) };
}

/** Rows of the matrix for the names that a row has, or for the rows that it had before some were changed. */
function slicesOf({ name, slices }: Target, matrix: Matrix, file: string): readonly Target[] {
  return (slices as readonly (Target | string)[]).map((slice) => {
    const found = matrix.get(typeof slice === 'string' ? slice : slice.name);
    if (found?.os === 'darwin' && found.slices === undefined) return found;
    throw new TargetsFileError(
      `${file}: "slices" of "${name}" names ${JSON.stringify(slice)}. Expected targets of macOS for one CPU.`,
    );
  });
}

type Check = readonly [expected: string, accepts: (value: unknown) => boolean];

const STRING: Check = ['a string', (value) => typeof value === 'string' && value !== ''];
const FIELDS: Readonly<Record<string, Check>> = {
  os: oneOf('linux', 'darwin', 'win'),
  cpu: STRING,
  libc: oneOf('glibc', 'musl'),
  zig: STRING,
  npm: [
    'the name of a package or a list of them',
    (value) => (Array.isArray(value) ? value : [value]).every(STRING[1]),
  ],
  nodejs: STRING,
  mirror: ['an http(s) address', (value) => /^https?:\/\/./.test(String(value))],
  newest: ['a whole number', (value) => Number.isInteger(value)],
  slices: [
    'a list of targets',
    (value) => Array.isArray(value) && value.length > 0 && value.every(STRING[1]),
  ],
};
const REQUIRED = ['os', 'cpu'];

function oneOf(...values: readonly string[]): Check {
  return [values.map((value) => `"${value}"`).join(' or '), (value) => values.includes(value as string)];
}

function parseTarget(name: string, row: Record<string, unknown>, file: string): Target {
  const fields = { ...row, ...(row.os === 'linux' && { libc: row.libc ?? 'glibc' }) };
  for (const key of [...REQUIRED, 'slices' in fields ? 'slices' : 'zig']) {
    if (!(key in fields)) throw new TargetsFileError(`${file}: "${name}" has no "${key}".`);
  }
  for (const [key, value] of Object.entries(fields)) {
    if (key === 'name') continue;
    const check = FIELDS[key];
    if (check === undefined) {
      const keys = Object.keys(FIELDS).join(', ');
      throw new TargetsFileError(`${file}: "${name}" has an unknown key "${key}". Known are: ${keys}.`);
    }
    if (!check[1](value)) {
      const found = JSON.stringify(value);
      throw new TargetsFileError(`${file}: "${key}" of "${name}" is ${found}. Expected ${check[0]}.`);
    }
  }
  const npm = (fields as { npm?: string | readonly string[] }).npm ?? [];
  return { zig: '', ...fields, name, npm: typeof npm === 'string' ? [npm] : npm } as unknown as Target;
}

function object(value: unknown, file: string, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new TargetsFileError(`${file}: ${what} is ${JSON.stringify(value)}. Expected an object.`);
}

/** The matrix Sarma comes with. */
export const shippedTargets: Matrix = parseTargets(shipped, 'targets.json', new Map());
