import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zig } from './compile-stub.ts';

/** Says what it is and which file it was given, as Node would run it. */
const source = (version: string) => `
#include <stdio.h>
static const char *volatile trace = "node.js/v${version}";
int main(int count, char **arguments) {
  printf("%s runs %s\\n", trace, count > 1 ? arguments[1] : "nothing");
  return 0;
}
`;

/**
 * A program of the target (a Zig triple) that is linked with the C library at run time and passes for a Node of that
 * version: where no Node can be had for a C library, it shows that what is started there is started.
 */
export function standInNode(triple: string, version: string): Buffer {
  const directory = join(tmpdir(), 'sarma-test-stubs', `node-${triple}-${version}`, String(process.pid));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'node.c'), source(version));
  const options = ['-target', triple, '-OReleaseSmall', '-fstrip', '-lc', '-dynamic', '-femit-bin=node'];
  execFileSync(process.execPath, [zig, 'build-exe', 'node.c', ...options], { cwd: directory, stdio: 'pipe' });
  return readFileSync(join(directory, 'node'));
}
