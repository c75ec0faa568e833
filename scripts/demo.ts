// `npm run demo`: from a checkout to a running executable. Builds every target's stub (nothing to do if they are up to
// date) and @sarma/app, wraps examples/hello for this machine and runs it twice.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { hostTarget, loadTargets } from '@sarma/wrapper';

const root = path.resolve(import.meta.dirname, '..');

step('The stubs of all targets: npm run build:stubs');
run(process.execPath, ['--conditions=@sarma/source', 'scripts/build-stubs.ts']);

step('The package that applications import: tsc --build packages/app');
run('node_modules/.bin/tsc', ['--build', 'packages/app']);

step('The project, its packages and a Node as one file: sarma wrap examples/hello --current');
run(process.execPath, ['packages/cli/bin/sarma.js', 'wrap', 'examples/hello', '--current']);

const executable = await executableOfThisMachine();
step(`The first run unpacks it: ${executable} one two`);
run(executable, ['one', 'two']);

step(`Every other run is Node's own start: ${executable} three`);
run(executable, ['three']);

async function executableOfThisMachine(): Promise<string> {
  const { name, os } = hostTarget(await loadTargets(root));
  return path.join('examples/hello/burrito_out', `hello_${name}${os === 'win' ? '.exe' : ''}`);
}

function step(title: string): void {
  console.log(`\n▸ ${title}`);
}

function run(file: string, args: readonly string[]): void {
  const started = performance.now();
  execFileSync(path.resolve(root, file), args, { cwd: root, stdio: 'inherit' });
  console.log(`  (${((performance.now() - started) / 1000).toFixed(2)} s)`);
}
