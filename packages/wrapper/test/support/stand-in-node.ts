import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zig } from '../../../../scripts/zig.ts';

/** Says what it is and which file it was given, as Node would run it. */
const source = (version: string, library: string | undefined) => `
#include <stdio.h>
${library === undefined ? '#define of_library() 0' : 'int of_library(void);'}
static const char *volatile trace = "node.js/v${version}";
int main(int count, char **arguments) {
  printf("%s runs %s\\n", trace, count > 1 ? arguments[1] : "nothing");
  return of_library();
}
`;

/**
 * A program of the target (a Zig triple) that is linked with the C library at run time, and with `library` (a file of the tests'
 * `sharedLibrary`) besides, and passes for a Node of that version: where no Node can be had for a C library, it shows that what is started there is
 * started.
 */
export function standInNode(triple: string, version: string, library?: string, cpu = 'baseline'): Buffer {
  const directory = join(tmpdir(), 'sarma-test-stubs', `node-${triple}-${version}`, String(process.pid));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'node.c'), source(version, library));
  const target = ['-target', triple, `-mcpu=${cpu}`, '-OReleaseSmall', '-fstrip', '-lc', '-dynamic'];
  const options = [...target, ...(library === undefined ? [] : [library]), '-femit-bin=node'];
  execFileSync(process.execPath, [zig, 'build-exe', 'node.c', ...options], { cwd: directory, stdio: 'pipe' });
  return readFileSync(join(directory, 'node'));
}
