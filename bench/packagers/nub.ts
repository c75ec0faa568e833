import path from 'node:path';
import { environment } from '../bench.ts';
import type { Packager } from '../packager.ts';

/** `nub compile`, which fetches Node from `mirror`, an address laid out like nodejs.org/dist. */
export function nub(mirror: string): Packager {
  return {
    name: 'nub compile',
    prepare: async ({ program, output, scratch }) => ({
      argv: [
        path.join(
          import.meta.dirname,
          `../node_modules/@nubjs/nub-${process.platform}-${process.arch}/bin/nub`,
        ),
        ...['compile', '--target', process.versions.node, '--out', output],
        path.join(program.project, program.entry),
      ],
      env: { ...environment(scratch), NODEJS_ORG_MIRROR: mirror },
      directory: program.project,
    }),
  };
}
