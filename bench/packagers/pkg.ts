import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { environment, NODE } from '../bench.ts';
import type { Packager } from '../packager.ts';

const CLI = path.join(import.meta.dirname, '../node_modules/@yao-pkg/pkg/lib-es5/bin.js');

/** `pkg --sea`. It asks nodejs.org for Node, unless its cache says that Node is there already. */
export const pkg: Packager = {
  name: '@yao-pkg/pkg --sea',
  prepare: async ({ program, output, scratch }) => {
    await seedCache(path.join(scratch, '.pkg-cache/sea'));
    const file = path.join(program.project, 'package.json');
    const manifest = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...manifest, bin: program.entry, pkg: { assets: ['**/*'] } }));
    const target = `node${process.versions.node}-${process.platform}-${process.arch}`;
    return {
      argv: [NODE, CLI, '--sea', '--targets', target, '--output', output, '.'],
      env: environment(scratch),
      directory: program.project,
    };
  },
};

/** An archive and an unpacked runtime count as sound when a file `.ok` lies beside them. */
async function seedCache(cache: string): Promise<void> {
  const name = `node-v${process.versions.node}-${process.platform}-${process.arch}`;
  await mkdir(path.join(cache, name, 'bin'), { recursive: true });
  await cp(NODE, path.join(cache, name, 'bin/node'));
  for (const file of [`${name}.tar.gz`, `${name}.tar.gz.ok`, `${name}/bin/node.ok`]) {
    await writeFile(path.join(cache, file), '');
  }
}
