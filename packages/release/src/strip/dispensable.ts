import path from 'node:path';
import type { StoredPackage } from './packages.ts';

/** What a file is that a program does without. */
export type Dispensable = 'tests and examples' | 'documentation' | 'type declarations' | 'source maps';

/** A file, or with all in it a folder at the top of a package, that goes unless something wants it. */
export interface Candidate {
  readonly kind: Dispensable;
  /** Relative to the package, with `/`. */
  readonly path: string;
  readonly isFolder: boolean;
}

// Only at the top of a package: further down folders of these names are code as often as not (`yaml/dist/doc`,
// `googleapis/build/src/apis/docs`, `tslint/lib/test`, `exceljs/lib/doc`).
const TESTS = /^(tests?|__tests__|bench|benchmarks?|examples?|\.github)$/;
const DOCUMENTS = /^docs?$/;
const DOCUMENT =
  /^(readme|changelog|changes|history|contributing|code[-_]of[-_]conduct|security|governance|upgrading|migrat(ion|ing)|releases?[-_]?notes)([-_.][\w.-]*)?$/i;
const TEXT = /(^[^.]+|\.(md|markdown|mdown|txt|rst|adoc))$/i;
const DECLARATION = /\.d\.[cm]?ts$/;
const PROGRAM = /\.([cm]?[jt]sx?|node|wasm)$/;

/** Whoever passes a package on passes these on, too. */
const LEGAL = /^(un)?licen[cs]e|^copying|^copyright|^notice|^patents|^authors|^contributors|third[-_]?party/i;

/** What may hold the text of the licence, which the others above do not. */
const LICENSE = /^(un)?licen[cs]e|^copying/i;

/** Folders whose files are handed on as they are (`create-vite/template-vue/README.md`). */
const HANDED_ON =
  /(^|[-_.])(templates?|scaffold(s|ing)?|boilerplates?|skeletons?|blueprints?|starters?|fixtures|generators?)([-_.]|$)/i;

/** What of a package may go, by the names of its files alone. */
export function candidatesOf({ name, files: entries }: StoredPackage): readonly Candidate[] {
  if (/^create-|\/create(-|$)/.test(name)) return [];
  const files = [...entries.keys()];
  const hasLicense = files.some((file) => LICENSE.test(file) && !file.includes('/') && isLegal(file));
  const folders = [...new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]!))];
  return [
    ...folders.flatMap((folder) => candidate(folder, true, folderKind(folder, files))),
    ...files.flatMap((file) => candidate(file, false, fileKind(file, entries, hasLicense))),
  ];
}

function candidate(file: string, isFolder: boolean, kind: Dispensable | undefined): readonly Candidate[] {
  return kind === undefined ? [] : [{ kind, path: file, isFolder }];
}

function folderKind(top: string, files: readonly string[]): Dispensable | undefined {
  if (TESTS.test(top)) return 'tests and examples';
  if (!DOCUMENTS.test(top)) return undefined;
  const hasCode = files.some(
    (file) => file.startsWith(`${top}/`) && (PROGRAM.test(file) || file.endsWith('.json')),
  );
  return hasCode ? undefined : 'documentation';
}

function fileKind(file: string, files: StoredPackage['files'], hasLicense: boolean): Dispensable | undefined {
  const { dir, base } = path.posix.parse(file);
  if (isLegal(base) || dir.split('/').some((folder) => HANDED_ON.test(folder))) return undefined;
  if (base.endsWith('.map')) return files.has(file.slice(0, -4)) ? 'source maps' : undefined;
  if (DECLARATION.test(base) || (base.endsWith('.flow') && files.has(file.slice(0, -5))))
    return 'type declarations';
  // Without a licence of its own, a package often has it in the README.
  return dir === '' && DOCUMENT.test(base) && TEXT.test(base) && hasLicense ? 'documentation' : undefined;
}

/** Whether a file stays whatever else goes. */
export function isLegal(file: string): boolean {
  return LEGAL.test(path.posix.basename(file)) && !PROGRAM.test(file);
}
