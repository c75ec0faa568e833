import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { zig } from '../../packages/wrapper/test/support/compile-stub.ts';
import { temporaryDirectory } from './run.ts';

const source = `
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static const char *volatile trace = "node.js/v${process.versions.node}";
static void show(const char *file) {
  char text[4096];
  FILE *stream = fopen(file, "r");
  size_t length = stream ? fread(text, 1, sizeof text, stream) : 0;
  fwrite(text, 1, length, stdout);
  fflush(stdout);
}
int main(int count, char **arguments) {
  int at = 1;
  while (at < count && arguments[at][0] == '-') at++;
  if (at >= count) return trace[0];
  printf("%s\\n", arguments[at]);
  show(arguments[at]);
  if (at + 1 < count && strcmp(arguments[at + 1], "wait") == 0) {
    char byte;
    if (read(0, &byte, 1) < 0) return 1;
    strcpy(strrchr(arguments[at], '/'), "/late.js");
    show(arguments[at]);
  }
  return 0;
}
`;

/**
 * The path of a runtime that takes a millisecond for what a program of these tests does: it prints the path of its entry
 * and what stands there; asked to `wait`, it goes on after a byte on stdin and prints `late.js` beside the entry. For
 * thousands of runs and tens of first runs, of which only the stub's part counts.
 */
export async function readingRuntime(): Promise<string> {
  const directory = await temporaryDirectory();
  await writeFile(path.join(directory, 'node.c'), source);
  const target = ['-target', 'x86_64-linux-gnu.2.17', '-mcpu=baseline', '-OReleaseSmall', '-fstrip', '-lc'];
  const options = [...target, '-dynamic', '-femit-bin=node'];
  execFileSync(process.execPath, [zig, 'build-exe', 'node.c', ...options], { cwd: directory, stdio: 'pipe' });
  return path.join(directory, 'node');
}
