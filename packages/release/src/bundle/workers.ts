import { readFileSync } from 'node:fs';
import { sourceExtension } from '../sources/package.ts';
import type { SourceResolver } from '../sources/resolve.ts';

// The places where a program names a file that it starts or loads by path, not by import.
const naming =
  /\b(?:URL|Worker|fork|join|resolve|register|spawn|execFile)\s*\(\s*(?:[\w.$]+\s*,\s*)?(['"`])([^'"`\n${}]+\.[cm]?[jt]sx?)\1/g;

/** First-party sources that sources start as programs of their own: workers, forks. */
export function startedSources(files: Iterable<string>, resolver: SourceResolver): readonly string[] {
  const started = new Set<string>();
  for (const file of files) {
    for (const [, , name] of readFileSync(file, 'utf8').matchAll(naming)) {
      const found = resolver.resolve(file, name!.startsWith('.') ? name! : `./${name}`);
      if (found !== undefined && sourceExtension.test(found)) started.add(found);
    }
  }
  return [...started];
}
