import path from 'node:path';
import type { InstalledPackage } from '../installation.ts';

/** A first-party package with the files that go into the release. */
export interface SourcePackage {
  readonly installed: InstalledPackage;
  /** Its place in the release. */
  readonly place: string;
  /** Paths relative to the package, with `/`. */
  readonly files: ReadonlySet<string>;
}

export const sourceExtension = /\.[cm]?[jt]sx?$/;

/** The names that a module of the project's own may have, in the order in which they are looked for. */
export function moduleNames(name: string): readonly string[] {
  return ['ts', 'mts', 'js', 'mjs', 'cjs'].map((extension) => `${name}.${extension}`);
}

const typeScriptExtension = /\.(?:[cm]?ts|tsx|jsx)$/;
const declarationExtension = /\.d\.(?:[^./]+\.)?[cm]?ts$/;

/** Files of declarations only, which nothing loads. */
export function isDeclaration(file: string): boolean {
  return declarationExtension.test(file);
}

/** Sources that Node does not run everywhere: TypeScript, and JSX in its own files. */
export function isTypeScript(file: string): boolean {
  return typeScriptExtension.test(file) && !isDeclaration(file);
}

/** `a.ts`, `a.tsx`, `a.jsx` → `a.js`; `a.mts` → `a.mjs`; `a.cts` → `a.cjs`. */
export function outputName(file: string): string {
  return isTypeScript(file) ? file.replace(/\.(?:([cm])ts|tsx?|jsx)$/, '.$1js') : file;
}

/** A file of a package relative to it, with `/`. */
export function relativePath({ directory }: InstalledPackage, file: string): string {
  return path.relative(directory, file).replaceAll(path.sep, '/');
}
