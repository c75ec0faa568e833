import { readFileSync } from 'node:fs';
import path from 'node:path';
import { sourceExtension } from './package.ts';
import type { SourceResolver } from './resolve.ts';

const stringLiteral = /(['"`])([^'"`\n\\${}]{1,300})\1/g;

/**
 * First-party files that files can lead to. Every string that names a file counts as leading there, whatever
 * it is used for (import, worker, fork, URL), so that too much is found rather than too little.
 */
export function reach(entries: readonly string[], resolver: SourceResolver): ReadonlySet<string> {
  const reached = new Set(entries);
  for (const file of reached) {
    if (!sourceExtension.test(file)) continue;
    for (const name of strings(file)) {
      const found = resolver.resolve(file, name) ?? beside(file, name, resolver);
      if (found !== undefined) reached.add(found);
    }
  }
  return reached;
}

/** The strings of a source file, read as text: the file may be in any dialect. */
function strings(file: string): ReadonlySet<string> {
  const found = readFileSync(file, 'utf8').matchAll(stringLiteral);
  return new Set([...found].map((match) => match[2]!));
}

/** `join(__dirname, 'worker.ts')` names its file without a dot in front. */
function beside(file: string, name: string, resolver: SourceResolver): string | undefined {
  if (!sourceExtension.test(name) || path.isAbsolute(name) || name.startsWith('.')) return undefined;
  return resolver.resolve(file, `./${name}`);
}

/** Packages that files import by name, found by their text. */
export function importedPackages(files: Iterable<string>): ReadonlySet<string> {
  const pattern =
    /(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*['"]((?:@[\w.-]+\/)?[A-Za-z0-9][\w.-]*)[^'"\n]*['"]/g;
  const names = new Set<string>();
  for (const file of files) {
    if (!sourceExtension.test(file)) continue;
    for (const match of readFileSync(file, 'utf8').matchAll(pattern)) names.add(match[1]!);
  }
  return names;
}
