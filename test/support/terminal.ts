import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './run.ts';

/** A pseudo-terminal of 80 × 24, and what runs in it. */
export interface Terminal {
  /** Resolves once `text` has been shown, behind what was waited for before. */
  readonly shows: (text: string) => Promise<void>;
  readonly type: (keys: string) => void;
  /** As a terminal's window does: the programs in front get a SIGWINCH. */
  readonly resize: (to: { readonly cols: number } | { readonly rows: number }) => Promise<void>;
  /** As a window that is closed, or a connection that breaks. */
  readonly hangUp: () => void;
  /** With every byte that it showed. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly screen: string }>;
}

/** Waited for longer than this, a text does not come. */
const PATIENCE = 60_000;

/** Numbers are as they are written, whatever the variables say of the one who runs the tests. */
const NO_COLORS = { NO_COLOR: '1', FORCE_COLOR: undefined };

/** Runs a line of shell on a terminal of its own; `env` is added to the environment. Killed after the test. */
export async function openTerminal(
  line: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Terminal> {
  const name = path.join(await temporaryDirectory(), 'tty');
  const child = spawn('script', ['-qefc', `tty > ${name}; stty cols 80 rows 24; ${line}`, '/dev/null'], {
    env: { ...process.env, ...NO_COLORS, SHELL: '/bin/sh', TERM: 'xterm', ...env },
  });
  let screen = '';
  let seen = 0;
  let look = () => {};
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    look();
  });
  const ended = new Promise<{ exitCode: number | null; screen: string }>((resolve) => {
    child.once('close', (exitCode) => {
      resolve({ exitCode, screen });
      look();
    });
  });
  const hangUp = () => void child.kill('SIGKILL');
  onTestFinished(hangUp);
  return {
    shows: (text) =>
      new Promise((resolve, reject) => {
        const fail = () =>
          reject(new Error(`${JSON.stringify(text)} is not shown: ${JSON.stringify(screen)}`));
        const timer = setTimeout(fail, PATIENCE);
        look = () => {
          const at = screen.indexOf(text, seen);
          if (at < 0 && child.exitCode === null && child.signalCode === null) return;
          clearTimeout(timer);
          look = () => {};
          if (at < 0) return fail();
          seen = at + text.length;
          resolve();
        };
        look();
      }),
    type: (keys) => void child.stdin.write(keys),
    resize: async (to) => {
      const device = (await readFile(name, 'utf8')).trim();
      // stty changes one after the other, and sends a signal for each.
      await promisify(execFile)('stty', ['-F', device, ...Object.entries(to).flat().map(String)]);
    },
    hangUp,
    ended,
  };
}

/** What a terminal shows without the line of a first run, which has been erased in the end. */
export function withoutProgress(screen: string): string {
  const erase = '\\r\\u001b\\[K';
  const line = '\\r[^\\r\\n]*: first run, unpacking … \\d+ %\\u001b\\[K';
  return screen.replace(new RegExp(`(${line})+${erase}`, 'g'), '');
}
