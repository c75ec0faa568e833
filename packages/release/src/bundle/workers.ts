import { readFileSync } from 'node:fs';
import { sourceExtension } from '../sources/package.ts';
import type { SourceResolver } from '../sources/resolve.ts';

// The places where a program names a file that it starts or loads by path, not by import.
const naming =
  /\b(?:URL|Worker|fork|join|resolve|register|spawn|execFile)\s*\(\s*(?:[\w.$]+\s*,\s*)?(['"`])([^'"`\n${}]+\.[cm]?[jt]sx?)\1/g;

const joining = /\(\s*(?:__dirname|import\.meta\.dirname)((?:\s*,\s*(?:'[^'\n]+'|"[^"\n]+"))+)\s*\)/g;

/** First-party sources that sources start as programs of their own: workers, forks. */
export function startedSources(files: Iterable<string>, resolver: SourceResolver): readonly string[] {
  const started = new Set<string>();
  for (const file of files) {
    for (const name of names(readFileSync(file, 'utf8'))) {
      const found = resolver.resolve(file, name.startsWith('.') ? name : `./${name}`);
      if (found !== undefined && sourceExtension.test(found)) started.add(found);
    }
  }
  return [...started];
}

function names(text: string): readonly string[] {
  const whole = [...text.matchAll(naming)].map((match) => match[2]!);
  const joined = [...text.matchAll(joining)].map((match) =>
    match[1]!.split(',').map((part) => part.trim().slice(1, -1)),
  );
  return [
    ...whole,
    ...joined.map((parts) => parts.slice(1).join('/')).filter((name) => sourceExtension.test(name)),
  ];
}
