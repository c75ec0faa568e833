import { isBuiltin } from 'node:module';
import path from 'node:path';
import type { AnyNode } from 'acorn';
import { firstPartyPackages, type InstalledPackage, packageOf } from '../installation.ts';
import type { CheckResult } from '../release.ts';
import { sourceExtension } from '../sources/package.ts';
import { parseSource } from '../sources/parse.ts';
import { importedPackages } from '../sources/reach.ts';
import { sourceResolver, splitSpecifier } from '../sources/resolve.ts';
import type { Checked } from './checked.ts';

/** An import of a package that no package.json names works here by luck, and is missing in the release or elsewhere. */
export async function checkImports({ release, installation, reached }: Checked): Promise<CheckResult> {
  if (release.singleFile) return undefined;
  const firstParty = firstPartyPackages(installation);
  const byDirectory = new Map(firstParty.map((installed) => [installed.directory, installed]));
  const declared = new Set(firstParty.flatMap((installed) => [installed.name, ...declaredBy(installed)]));
  const resolver = sourceResolver(firstParty);
  const warnings = new Map<string, string>();
  for (const file of reached) {
    const owner = packageOf(file, byDirectory);
    if (owner === undefined || !sourceExtension.test(file)) continue;
    const suspects = [...importedPackages([file])].filter(
      (name) => !declared.has(name) && !isBuiltin(name) && !resolver.isAlias(file, name),
    );
    if (suspects.length === 0) continue;
    for (const specifier of await imports(file)) {
      const [name] = splitSpecifier(specifier);
      const key = `${owner.name} ${name}`;
      if (!suspects.includes(name) || resolver.isAlias(file, specifier) || warnings.has(key)) continue;
      warnings.set(key, undeclared(name, file, owner));
    }
  }
  return [...warnings.values()].map((message) => ({ level: 'warning', message }));
}

function declaredBy({ manifest }: InstalledPackage): readonly string[] {
  const { dependencies, optionalDependencies, peerDependencies } = manifest;
  return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
}

function undeclared(name: string, file: string, { name: owner, directory, manifest }: InstalledPackage) {
  const where = path.relative(directory, file).replaceAll(path.sep, '/');
  const isDevelopment = manifest.devDependencies?.[name] !== undefined;
  const what = isDevelopment
    ? 'a development dependency, which is not in the release'
    : 'in no package.json, so that the release may lack it';
  return `${owner} imports ${name} in ${where}, which is ${what}. Run in ${directory}: npm install ${isDevelopment ? '--save-prod ' : ''}${name}`;
}

/**
 * What a source imports when it runs: types are gone, and what is tried with `catch` is meant to be missing
 * sometimes. Nothing for what cannot be parsed, which is said elsewhere.
 */
async function imports(file: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const program = await parseSource(file).catch(() => undefined);
  if (program !== undefined) collect(program, found);
  return found;
}

type Node = AnyNode & Readonly<Record<string, unknown>>;

function collect(node: AnyNode, found: Set<string>): void {
  if (node.type === 'TryStatement') {
    if (node.finalizer) collect(node.finalizer, found);
    return;
  }
  if (isCaught(node)) return;
  const specifier = specifierOf(node);
  if (specifier !== undefined) found.add(specifier);
  for (const value of Object.values(node as Node)) {
    for (const inner of Array.isArray(value) ? value : [value])
      if (typeof (inner as Partial<AnyNode> | null)?.type === 'string') collect(inner as AnyNode, found);
  }
}

/** `import('x').catch(…)` */
function isCaught(node: AnyNode): boolean {
  return (
    node.type === 'CallExpression' &&
    node.callee.type === 'MemberExpression' &&
    node.callee.property.type === 'Identifier' &&
    node.callee.property.name === 'catch'
  );
}

function specifierOf(node: AnyNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
      return node.source?.type === 'Literal' && typeof node.source.value === 'string'
        ? node.source.value
        : undefined;
    case 'CallExpression': {
      const [argument] = node.arguments;
      const isRequire = node.callee.type === 'Identifier' && node.callee.name === 'require';
      return isRequire && argument?.type === 'Literal' && typeof argument.value === 'string'
        ? argument.value
        : undefined;
    }
    default:
      return undefined;
  }
}
