import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Finding, ok, type Patient, problem } from './finding.ts';

/** Every package that brings native addons has at least one that this runtime can load on this host. */
export function examineAddons({ environment: { root } }: Patient): Finding[] {
  const packages = new Map<string, readonly string[]>();
  for (const addon of addonsBelow(path.join(root, 'lib'))) {
    const directory = packageOf(addon);
    packages.set(directory, [...(packages.get(directory) ?? []), addon]);
  }
  return [...packages].flatMap(([directory, addons]) => {
    const { name, version, isForHere } = describe(directory);
    if (!isForHere) return [];
    const refusal = load(addons);
    if (refusal === undefined) return [ok('native addon', `${name} ${version} loads`)];
    return [
      problem(
        'native addon',
        `${name} ${version} has none that loads here: ${refusal} Build the release for ${process.platform}-${process.arch}, or install what is missing.`,
      ),
    ];
  });
}

/** Links are not followed: what they lead to is in the release under its own name. */
function addonsBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) return addonsBelow(file);
    return entry.isFile() && entry.name.endsWith('.node') ? [file] : [];
  });
}

function packageOf(file: string): string {
  const directory = path.dirname(file);
  const isPackage = directory === path.dirname(directory) || existsSync(path.join(directory, 'package.json'));
  return isPackage ? directory : packageOf(directory);
}

function describe(directory: string): {
  readonly name: string;
  readonly version: string;
  readonly isForHere: boolean;
} {
  const manifest = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')) as {
    readonly name?: string;
    readonly version?: string;
    readonly os?: readonly string[];
    readonly cpu?: readonly string[];
  };
  const { name = path.basename(directory), version = '', os, cpu } = manifest;
  return { name, version, isForHere: allows(os, process.platform) && allows(cpu, process.arch) };
}

/** As npm reads `os` and `cpu`: names, or names with `!` that are excluded. */
function allows(list: readonly string[] | undefined, value: string): boolean {
  if (list === undefined || list.length === 0) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every((entry) => entry.startsWith('!'));
}

// In a process of its own: an addon that is wrong for the host may take its process with it.
const TRY = `let refusal = '';
for (const file of process.argv.slice(1)) {
  try { process.dlopen({ exports: {} }, file); process.exit(0); } catch (error) { refusal = error.message; }
}
console.error(refusal.split('\\n')[0]);
process.exit(1);`;

/** Why none of them can be loaded; undefined when one can. */
function load(addons: readonly string[]): string | undefined {
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', TRY, ...addons], {
    encoding: 'utf8',
  });
  if (status === 0) return undefined;
  return signal === null ? `${stderr.trim()}.` : `the runtime was ended by ${signal}.`;
}
