import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Bench, environment, NODE, useOf } from './bench.ts';
import type { Program, Use } from './programs.ts';
import { reason } from './report.ts';

/** In ms. */
const RUN_LIMIT = 60_000;

/** Throws unless an executable prints and ends as plain Node does; if it is a server, unless it answers. */
export async function checkUse(bench: Bench, program: Program, use: Use, file: string, home: string) {
  await mkdir(path.join(home, 'tmp'), { recursive: true });
  if (use.port !== undefined) {
    await bench.measure([useOf(use, 'check', [file], home)], { most: 1, least: 1, seconds: 0, warmups: 0 });
    return;
  }
  const expected = await run([NODE, path.join(program.project, program.entry)], use, home);
  const { stdout, status, said } = await run([file], use, home);
  if (stdout === expected.stdout && status === expected.status) return;
  const difference = `exit status ${status}, ${said === '' ? 'nothing printed' : said}`;
  throw new Error(`does not do what Node does: ${difference}`);
}

/** Runs it outside of its project and of the place where it was built. */
async function run(start: readonly string[], use: Use, home: string) {
  const [file, ...args] = [...start, ...use.args];
  const options = { cwd: use.directory, env: environment(home), timeout: RUN_LIMIT };
  const { stdout, stderr, code } = await promisify(execFile)(file!, args, options).then(
    (done) => ({ ...done, code: 0 }),
    (error: { stdout: string; stderr: string; code: number | string }) => error,
  );
  return { stdout, status: code, said: reason({ stderr, message: stdout }) };
}
