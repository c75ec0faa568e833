import { createReadStream } from 'node:fs';

/** Longer than what is looked for. */
const OVERLAP = 64;

/**
 * NODE_MODULE_VERSION of a runtime, read from its own file: Node looks in every addon for a symbol whose name ends with
 * it (src/node_binding.cc). So there is no table that a new line of Node could be missing from. Null if it is not found.
 */
export async function modulesVersion(runtime: string): Promise<number | null> {
  let before = '';
  for await (const chunk of createReadStream(runtime, { highWaterMark: 1024 * 1024, encoding: 'latin1' })) {
    const text = before + (chunk as string);
    const digits = /node_register_module_v(\d+)\0/.exec(text)?.[1];
    if (digits !== undefined) return Number(digits);
    before = text.slice(-OVERLAP);
  }
  return null;
}
