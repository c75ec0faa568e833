import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** The address of a module that boot.json names: relative to the root, or absolute under `sarma run`. */
export function moduleUrl(root: string, module: string): string {
  return pathToFileURL(path.resolve(root, module)).href;
}

/** What a module exports as its default, also where it was compiled to CommonJS. */
export async function importDefault(url: string): Promise<unknown> {
  const { default: exported } = (await import(url)) as { default?: unknown };
  return isCompiledFromModule(exported) ? exported.default : exported;
}

/** `module.exports` of a compiled ES module, which import() takes for its default. */
function isCompiledFromModule(exported: unknown): exported is { readonly default: unknown } {
  return (
    typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported
  );
}

/** Compiles what is imported later, where `RELEASE_MODE` says so. */
export async function importAhead(
  { root, mode }: { readonly root: string; readonly mode: 'embedded' | 'interactive' },
  modules: readonly string[],
): Promise<void> {
  if (mode === 'interactive') return;
  const { compileAhead } = await import('./embedded.ts');
  await compileAhead(modules.map((module) => moduleUrl(root, module)));
}
