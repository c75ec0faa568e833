import path from 'node:path';
import { environment } from '../bench.ts';
import type { Packager } from '../packager.ts';

/** `bun build --compile`, by the binary that the npm package `bun` depends on (its install script only links it). */
export const bun: Packager = {
  name: 'bun build --compile',
  prepare: async ({ program, output, scratch }) => ({
    argv: [
      path.join(import.meta.dirname, `../node_modules/@oven/bun-${process.platform}-${process.arch}/bin/bun`),
      ...['build', '--compile', path.join(program.project, program.entry), '--outfile', output],
    ],
    env: environment(scratch),
    directory: program.project,
  }),
};
