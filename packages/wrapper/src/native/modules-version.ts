import { readFile } from 'node:fs/promises';

/**
 * NODE_MODULE_VERSION of a runtime, read from its own file: Node looks in every addon for a symbol whose name ends with
 * it (src/node_binding.cc). So there is no table that a new line of Node could be missing from. Null if it is not found.
 */
export async function modulesVersion(runtime: string): Promise<number | null> {
  const file = await readFile(runtime);
  const prefix = 'node_register_module_v';
  for (let at = file.indexOf(prefix); at >= 0; at = file.indexOf(prefix, at + 1)) {
    const digits = /^\d+(?=\0)/.exec(
      file.toString('latin1', at + prefix.length, at + prefix.length + 8),
    )?.[0];
    if (digits !== undefined) return Number(digits);
  }
  return null;
}
