import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compileFunction } from 'node:vm';

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

/** The `type` that a package without one stands for; undefined when its files differ, so that Node asks each. */
export function packageType(directory: string, files: Iterable<string>): ModuleFormat | undefined {
  const formats = new Set<ModuleFormat>();
  for (const file of files) {
    if (path.extname(file) === '.js')
      formats.add(detectFormat(readFileSync(path.join(directory, file), 'utf8')));
  }
  return oneOf(formats);
}

export function oneOf(formats: ReadonlySet<ModuleFormat>): ModuleFormat | undefined {
  if (formats.size > 1) return undefined;
  return formats.has('module') ? 'module' : 'commonjs';
}
