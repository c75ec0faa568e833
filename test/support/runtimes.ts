// Programs that pass for Node where it is the stub's part of a run that counts.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { zig } from '../../scripts/zig.ts';
import { madeOnce } from './made-once.ts';

/** By what a runtime's version is found. A source returns something of it, so that it stays in the file. */
const TRACE = `static const char *volatile trace = "node.js/v${process.versions.node}";\n`;
const CPUS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** Prints what stands in a file. */
const SHOW = `
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static void show(const char *file) {
  char text[4096];
  FILE *stream = fopen(file, "r");
  size_t length = stream ? fread(text, 1, sizeof text, stream) : 0;
  fwrite(text, 1, length, stdout);
  fflush(stdout);
}
`;

/** The path of a runtime for this machine, which is Linux, of a source in C that returns something of `trace`. */
export async function compileRuntime(source: string): Promise<string> {
  const directory = await madeOnce(['runtime', source], async (cwd) => {
    await writeFile(path.join(cwd, 'node.c'), TRACE + source);
    const target = ['-target', `${CPUS[process.arch]}-linux-gnu.2.17`, '-mcpu=baseline', '-OReleaseSmall'];
    const options = [...target, '-fstrip', '-lc', '-dynamic', '-femit-bin=node'];
    await execa(process.execPath, [zig, 'build-exe', 'node.c', ...options], { cwd });
  });
  return path.join(directory, 'node');
}

/**
 * The path of a runtime, small as a file, that becomes the Node that runs the tests, so that a first run with it takes
 * milliseconds and can be made to fail at every single call. What the stub does is the same with any runtime. A limit of
 * memory that is the stub's alone (`ulimit -S -v`) ends with it.
 */
export async function smallRuntime(): Promise<string> {
  return await compileRuntime(`
#include <sys/resource.h>
#include <unistd.h>
/* As large as a few writes of the stub. */
static const volatile char filling[${600 << 10}] = { 1 };
int main(int count, char **arguments) {
  struct rlimit memory;
  getrlimit(RLIMIT_AS, &memory);
  memory.rlim_cur = memory.rlim_max;
  setrlimit(RLIMIT_AS, &memory);
  arguments[0] = ${JSON.stringify(process.execPath)};
  execv(arguments[0], arguments);
  return trace[0] + filling[count];
}
`);
}

/**
 * The path of a runtime that takes a millisecond for what a program of these tests does: it prints the path of its entry
 * and what stands there; asked to `wait`, it goes on after a byte on stdin and prints `late.js` beside the entry. For
 * thousands of runs and tens of first runs.
 */
export async function readingRuntime(): Promise<string> {
  return await compileRuntime(`${SHOW}int main(int count, char **arguments) {
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
`);
}

/**
 * The path of a runtime, as large as a few writes of the stub, that takes a millisecond to show that it has all of a program:
 * it prints what stands in its entry, and in `data/link.json` beside that.
 */
export async function showingRuntime(): Promise<string> {
  return await compileRuntime(`${SHOW}
static const volatile char filling[${600 << 10}] = { 1 };
int main(int count, char **arguments) {
  int at = 1;
  while (at < count && arguments[at][0] == '-') at++;
  if (at >= count) return trace[0] + filling[count];
  char other[4096];
  snprintf(other, sizeof other, "%s", arguments[at]);
  strcpy(strrchr(other, '/'), "/data/link.json");
  show(arguments[at]);
  show(other);
  return 0;
}
`);
}
