const NAMED =
  /\b(?:readme|changelog|changes|history|contributing|security|governance|upgrading|docs?|tests?|__tests__|bench|benchmarks?|examples?)(?=["'`/\\])|\.github(?=["'`/\\])|\.(?:md|markdown|mdown|txt|rst|adoc|map|flow|d\.[cm]?ts)(?=["'`])/gi;
const FOLDER = /^(\.github|docs?|tests?|__tests__|bench|benchmarks?|examples?)$/;
const LONGEST = 200;
/** So many characters before and behind a word there has to be what makes a path of it. */
const NEAR = 100;
/** `/// <reference path="…" />`, `// @ts-self-types="…"` */
const FOR_COMPILERS = /(path|types)="$/;

/** What code names of files that might go, in small letters. */
export interface Mentions {
  /** Of files, and of folders at the top of a package. */
  readonly names: Set<string>;
  /** The paths that names were found in, without what leads out of a package: `pkg/test`, `pkg/docs/a.md`. */
  readonly paths: Set<string>;
}

/** Adds what a text of code names in its strings: not in `//# sourceMappingURL=`, and not in addresses. */
export function addMentions(text: string, { names, paths }: Mentions): void {
  for (const match of text.matchAll(NAMED)) {
    const end = match.index + match[0].length;
    const begin = beginOf(text, match.index);
    // A string begins, or an expression in a template has ended.
    const before = text[begin - 1] ?? '';
    if (!/["'`}]/.test(before) || FOR_COMPILERS.test(text.slice(Math.max(0, begin - 8), begin))) continue;
    const named = text.slice(begin, end).toLowerCase();
    const name = named.slice(named.lastIndexOf('/') + 1);
    const isWord = !named.includes('/') && !/^(\/|\\\\)/.test(text.slice(end, end + 2));
    const isAddress = named.startsWith('/') && before !== '}';
    if (FOLDER.test(name) && (isWord || isAddress) && !isJoined(text, begin, end)) continue;
    names.add(name);
    paths.add(named.replace(/^.*node_modules\//, '').replace(/^(\.{0,2}\/)+/, ''));
  }
}

/** Where the path begins that a name stands in. */
function beginOf(text: string, at: number): number {
  let begin = at;
  while (begin > 0 && at - begin < LONGEST && /[\w@.+/-]/.test(text[begin - 1]!)) begin -= 1;
  return begin;
}

/** Whether a word alone (`'test'`) or what may be a route (`'/test'`) is made part of a path. */
function isJoined(text: string, begin: number, end: number): boolean {
  return /\b(join|resolve)\(|dirname|import\.meta/.test(text.slice(Math.max(0, begin - NEAR), end + NEAR));
}
