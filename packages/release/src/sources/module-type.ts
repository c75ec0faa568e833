import { readFileSync } from 'node:fs';
import path from 'node:path';

export type ModuleFormat = 'module' | 'commonjs';

const moduleSyntax = /^\s*(?:import\s*[\w{*'"]|export\s+[\w{*])|\bimport\.meta\b|^\s*await\b/m;

/**
 * What Node takes a `.js` file for when no package.json says it: a module if it does not parse as a script.
 * The text is looked at first, since parsing is a hundred times slower.
 */
export async function detectFormat(code: string): Promise<ModuleFormat> {
  if (!moduleSyntax.test(code)) return 'commonjs';
  const { parse } = await import('acorn');
  const options = { ecmaVersion: 'latest', allowHashBang: true } as const;
  try {
    parse(code, { ...options, sourceType: 'script', allowReturnOutsideFunction: true });
    return 'commonjs';
  } catch {
    try {
      parse(code, { ...options, sourceType: 'module' });
      return 'module';
    } catch {
      // No JavaScript at all, a template perhaps: it has no say.
      return 'commonjs';
    }
  }
}

/** The `type` that a package without one stands for; undefined when its files differ, so that Node asks each. */
export async function packageType(
  directory: string,
  files: Iterable<string>,
): Promise<ModuleFormat | undefined> {
  const formats = new Set<ModuleFormat>();
  for (const file of files) {
    if (path.extname(file) === '.js')
      formats.add(await detectFormat(readFileSync(path.join(directory, file), 'utf8')));
  }
  return oneOf(formats);
}

export function oneOf(formats: ReadonlySet<ModuleFormat>): ModuleFormat | undefined {
  if (formats.size > 1) return undefined;
  return formats.has('module') ? 'module' : 'commonjs';
}
