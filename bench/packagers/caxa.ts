import path from 'node:path';
import { environment, NODE } from '../bench.ts';
import type { Packager } from '../packager.ts';

const CLI = path.join(import.meta.dirname, '../node_modules/caxa/build/index.mjs');

/** caxa packs the Node that runs it. Its `npm dedupe` is left out: there is nothing to deduplicate, and it needs the registry. */
export const caxa: Packager = {
  name: 'caxa',
  prepare: async ({ program, output, scratch }) => ({
    argv: [
      ...[NODE, CLI, '--input', program.project, '--output', output, '--no-dedupe', '--'],
      ...['{{caxa}}/node_modules/.bin/node', `{{caxa}}/${program.entry}`],
    ],
    env: environment(scratch),
    directory: scratch,
  }),
};
