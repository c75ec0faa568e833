import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { zig } from '../../packages/wrapper/test/support/compile-stub.ts';
import { temporaryDirectory } from './run.ts';

const SIZE = 600 << 10;

const source = `
#include <unistd.h>
static const char *volatile trace = "node.js/v${process.versions.node}";
/* As large as a few writes of the stub. */
static const volatile char filling[${SIZE}] = { 1 };
int main(int count, char **arguments) {
  arguments[0] = ${JSON.stringify(process.execPath)};
  execv(arguments[0], arguments);
  return trace[0] + filling[count];
}
`;

/**
 * The path of a runtime, small as a file, that becomes the Node that runs the tests, so that a first run with it takes
 * milliseconds and can be made to fail at every single call. What the stub does is the same with any runtime.
 */
export async function smallRuntime(): Promise<string> {
  const directory = await temporaryDirectory();
  await writeFile(path.join(directory, 'node.c'), source);
  const target = [
    '-target',
    'x86_64-linux-gnu.2.17',
    '-mcpu=baseline',
    '-OReleaseSmall',
    '-fstrip',
    '-lc',
    '-dynamic',
  ];
  const options = [...target, '-femit-bin=node'];
  execFileSync(process.execPath, [zig, 'build-exe', 'node.c', ...options], { cwd: directory, stdio: 'pipe' });
  return path.join(directory, 'node');
}
