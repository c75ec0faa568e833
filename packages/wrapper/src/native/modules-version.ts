import { createReadStream } from 'node:fs';

const NAME = 'node_register_module_v';
/** Longer than what is looked for. */
const OVERLAP = 32;

/**
 * NODE_MODULE_VERSION of a runtime, read from its own file: Node looks in every addon for a symbol whose name ends with
 * it (src/node_binding.cc). So there is no table that a new line of Node could be missing from. Null if it is not found.
 */
export async function modulesVersion(runtime: string): Promise<number | null> {
  let before = Buffer.alloc(0);
  for await (const chunk of createReadStream(runtime, { highWaterMark: 1024 * 1024 })) {
    const bytes = Buffer.concat([before, chunk as Buffer]);
    for (let at = bytes.indexOf(NAME); at >= 0; at = bytes.indexOf(NAME, at + 1)) {
      const digits = /^\d+(?=\0)/.exec(bytes.toString('latin1', at + NAME.length, at + OVERLAP))?.[0];
      if (digits !== undefined) return Number(digits);
    }
    before = bytes.subarray(-OVERLAP);
  }
  return null;
}
