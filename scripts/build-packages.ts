// `npm run build:packages`: `dist/` of every package, as it is published: JavaScript and types by tsc, and beside them the
// files that the code reads. `npm run build:stubs` makes what @sarma/stub has besides.

import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const packages = globSync('packages/*/', { cwd: root });

execFileSync('tsc', ['--build', ...packages], { cwd: root, stdio: 'inherit' });

for (const folder of packages) {
  // What of the stub is not TypeScript is built by Zig.
  if (path.basename(folder) !== 'stub') copyResources(path.join(root, folder));
}
copyFileSync(path.join(root, 'README.md'), path.join(root, 'packages/cli/README.md'));

function copyResources(folder: string): void {
  for (const name of globSync('src/**/*.*', { cwd: folder })) {
    if (/\.(ts|json)$/.test(name)) continue;
    const to = path.join(folder, name.replace(/^src/, 'dist'));
    mkdirSync(path.dirname(to), { recursive: true });
    copyFileSync(path.join(folder, name), to);
  }
}
