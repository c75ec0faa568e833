import path from 'node:path';
import type { Compression } from '@sarma/wrapper';
import type { Packager } from '../packager.ts';
import { wrapArguments, wrapEnvironment } from '../sarma.ts';

/** Sarma itself, built with the user's build cache, as the others have theirs. */
export function sarma(compression: Compression): Packager {
  return {
    name: `Sarma (${compression})`,
    prepare: async ({ program, output, scratch }) => ({
      argv: [
        ...wrapArguments(program, { compression, runtime: process.versions.node, out: output }),
        '--quiet',
      ],
      env: wrapEnvironment(),
      directory: path.dirname(scratch),
    }),
  };
}
