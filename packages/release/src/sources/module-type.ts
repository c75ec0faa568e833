import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compileFunction } from 'node:vm';
import type { InstalledPackage } from '../installation.ts';
import { type Manifest, readManifest } from '../package-json.ts';

export type ModuleFormat = 'module' | 'commonjs';

const moduleSyntax = /^\s*(?:import\s*[\w{*'"]|export\s+[\w{*])|\bimport\.meta\b|^\s*await\b/m;
const commonJsNames = ['exports', 'require', 'module', '__filename', '__dirname'];

/** What Node takes a `.js` file for when no package.json says it: a module if it is none of CommonJS (as Node tries it). */
export function detectFormat(code: string): ModuleFormat {
  if (!moduleSyntax.test(code)) return 'commonjs';
  try {
    compileFunction(code.replace(/^#!/, '//'), commonJsNames);
    return 'commonjs';
  } catch {
    return 'module';
  }
}

/**
 * The `type` that a package without one stands for, as far as its files do not lie below a package.json of their own;
 * undefined when they differ, so that Node asks each.
 */
export function packageType(directory: string, files: ReadonlySet<string>): ModuleFormat | undefined {
  const asked = [...files].filter((file) => path.extname(file) === '.js' && !hasOwnManifest(file, files));
  const read = (file: string) => readFileSync(path.join(directory, file), 'utf8');
  const doubtful = asked.filter((file) => moduleSyntax.test(read(file)));
  const formats = new Set<ModuleFormat>(doubtful.length < asked.length ? ['commonjs'] : []);
  // Each is compiled, which takes long: no more of them than it takes to know.
  for (const file of doubtful) {
    formats.add(detectFormat(read(file)));
    if (formats.size > 1) return undefined;
  }
  return oneOf(formats);
}

function hasOwnManifest(file: string, files: ReadonlySet<string>): boolean {
  for (let at = file.lastIndexOf('/'); at !== -1; at = file.lastIndexOf('/', at - 1))
    if (files.has(`${file.slice(0, at)}/package.json`)) return true;
  return false;
}

export function oneOf(formats: ReadonlySet<ModuleFormat>): ModuleFormat | undefined {
  if (formats.size > 1) return undefined;
  return formats.has('module') ? 'module' : 'commonjs';
}

/** The format that extension and the nearest package.json give; undefined where the code decides. */
export function fixedFormat(
  file: string,
  { directory, manifest }: InstalledPackage,
): ModuleFormat | undefined {
  if (/\.m[jt]s$/.test(file)) return 'module';
  if (/\.c[jt]s$/.test(file)) return 'commonjs';
  const { type } = nestedManifest(directory, file) ?? manifest;
  return type === 'module' || type === 'commonjs' ? type : undefined;
}

/** The package.json of a folder inside a package (dist/cjs) that says the type of the files below. */
export function nestedManifest(directory: string, file: string): Manifest | undefined {
  for (let folder = path.dirname(file); folder !== '.'; folder = path.dirname(folder)) {
    const manifest = readManifest(path.join(directory, folder));
    if (manifest !== undefined) return manifest;
  }
  return undefined;
}

/** What the user's tools make of a `.ts` file when package.json has no `type`. */
export function guessFormat(text: string, module: string | undefined): ModuleFormat {
  if (!/^\s*(?:import|export)\b/m.test(text) && !/\bimport\.meta\b/.test(text)) return 'commonjs';
  const usesCommonJs = /\b(?:__dirname|__filename|require\.main|module\.exports)\b|\brequire\(/.test(text);
  if (/\bimport\.meta\b|^await\b|^(?:const|let|export const) .*= await\b/m.test(text)) return 'module';
  return usesCommonJs || module?.toLowerCase() === 'commonjs' ? 'commonjs' : 'module';
}
