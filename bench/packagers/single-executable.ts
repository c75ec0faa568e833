import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { environment, NODE } from '../bench.ts';
import type { Packager } from '../packager.ts';

const ESBUILD = path.join(import.meta.dirname, '../../node_modules/.bin/esbuild');
const POSTJECT = path.join(import.meta.dirname, '../node_modules/postject/dist/cli.js');

/** Where Node looks for the blob: https://nodejs.org/api/single-executable-applications.html */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const SCRIPT = `set -e
"$ESBUILD" "$ENTRY" --bundle --platform=node --format=cjs --outfile=bundle.cjs --log-level=error
"$NODE" --experimental-sea-config sea-config.json
cp "$NODE" "$OUTPUT"
"$NODE" "$POSTJECT" "$OUTPUT" NODE_SEA_BLOB blob --sentinel-fuse ${FUSE}
`;

/** Node's single executable application: takes one file, so esbuild makes one of the program first. */
export const singleExecutable: Packager = {
  name: 'Node SEA (esbuild, postject)',
  prepare: async ({ program, output, scratch }) => {
    const config = { main: 'bundle.cjs', output: 'blob', disableExperimentalSEAWarning: true };
    await writeFile(path.join(scratch, 'sea-config.json'), JSON.stringify(config));
    const entry = path.join(program.project, program.entry);
    return {
      argv: ['/bin/sh', '-c', SCRIPT],
      env: {
        ...environment(scratch),
        PATH: `${path.dirname(NODE)}:${environment(scratch).PATH}`,
        ESBUILD,
        POSTJECT,
        NODE,
        ENTRY: entry,
        OUTPUT: output,
      },
      directory: scratch,
    };
  },
};
