/**
 * Loads and compiles modules with all that they import, and evaluates none of them: a later import() finds them in
 * the loader's map and only has to evaluate.
 *
 * Node has no call for that without a flag. But a module graph is loaded and compiled as a whole before it is
 * linked, and linked as a whole before any of it is evaluated: a root that imports them all, and besides a name that
 * does not exist, gets exactly as far as wanted. CommonJS modules are read and not compiled that way.
 */
export async function compileAhead(urls: readonly string[]): Promise<void> {
  if (await loadUnlinked(urls)) return;
  // One of them cannot be loaded, which may be meant to be so (an optional dependency): the others go on without it.
  for (const url of urls) await loadUnlinked([url]);
}

/** False where a module could not be loaded. */
async function loadUnlinked(urls: readonly string[]): Promise<boolean> {
  const imports = urls.map((url) => `import ${JSON.stringify(url)};`).join('');
  const source = `${imports}import { ${MISSING} } from 'node:fs';`;
  try {
    await import(`data:text/javascript,${encodeURIComponent(source)}`);
  } catch (error) {
    return error instanceof SyntaxError && error.message.includes(MISSING);
  }
  return true;
}

const MISSING = 'sarmaLoadsAndNeverLinks';
