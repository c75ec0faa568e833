import path from 'node:path';
import { environment } from '../bench.ts';
import type { Packager } from '../packager.ts';

const NUB = path.join(
  import.meta.dirname,
  `../node_modules/@nubjs/nub-${process.platform}-${process.arch}/bin/nub`,
);

/** Where nub takes Node from, and what it keeps of it. */
export interface NubSetting {
  /** An address laid out like nodejs.org/dist. */
  readonly mirror: string;
  /** The home that its builds share. */
  readonly home: string;
}

/** `nub compile`: bundles the program into a single executable application. */
export function nub(setting: NubSetting): Packager {
  return compile('nub compile', setting, []);
}

/** The same with the project's files included: nub then makes a launcher that unpacks a compressed Node. */
export function nubUnpacking(setting: NubSetting): Packager {
  return compile('nub compile --include .', setting, ['--include', '.']);
}

function compile(name: string, { mirror, home }: NubSetting, flags: readonly string[]): Packager {
  return {
    name,
    prepare: async ({ program, output }) => ({
      argv: [
        ...[NUB, 'compile', '--target', process.versions.node, '--out', output, ...flags],
        path.join(program.project, program.entry),
      ],
      env: { ...environment(home), NODEJS_ORG_MIRROR: mirror },
      directory: program.project,
    }),
  };
}
