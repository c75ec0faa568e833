// A first run that a person sees (promise P4): while it takes, keys, Ctrl-C and Ctrl-Z do what they do of any program.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { installsIn } from './support/installs.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { temporaryDirectory, wrapProgram } from './support/run.ts';
import { openTerminal } from './support/terminal.ts';

let program: string;

beforeAll(async () => {
  program = await wrapProgram(
    await makeProgram(
      { name: 'interactive', bin: 'main.js' },
      {
        'main.js': `
          const [name] = process.argv.slice(2);
          if (name !== undefined) require('node:fs').writeFileSync(name, 'written');
          else {
            process.stdin.on('data', (line) => console.log('line', JSON.stringify(line.toString())));
            console.log('ready');
          }
        `,
      },
    ),
  );
});

const CTRL_C = '\x03';
const CTRL_Z = '\x1a';
const BASH = 'exec bash --norc --noprofile -i';

describe.skipIf(lacks('script'))('a first run that a person sees', () => {
  let place: string;

  /** The lock of a removal, for which a first run waits. Returns how to let it go. */
  async function removalUnderWay(): Promise<() => void> {
    place = await temporaryDirectory();
    await mkdir(path.join(place, 'locks'), { mode: 0o700 });
    const lock = path.join(place, 'locks/gc');
    const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; read line'], { stdio: 'pipe' });
    onTestFinished(() => void holder.kill());
    await once(holder.stdout, 'data');
    return () => void holder.stdin.end();
  }

  /** Resolves once the stub runs. */
  const stubRuns = async () => await vi.waitUntil(async () => await isExecuted(program), { timeout: 60_000 });

  const open = async (line: string) =>
    await openTerminal(line, {
      PATH: `${path.dirname(program)}:${process.env.PATH}`,
      SARMA_CACHE_DIR: place,
      PS1: '$ ',
      HISTFILE: '',
    });

  test('keys that are typed meanwhile reach the program', async () => {
    const letGo = await removalUnderWay();
    const terminal = await open('exec app');
    await stubRuns();
    terminal.type('early\r');
    letGo();
    await terminal.shows('line "early\\n"\r\n');
  });

  test('Ctrl-C ends it with 130, and nothing half-made stays', async () => {
    await removalUnderWay();
    const terminal = await open(BASH);
    await terminal.shows('$ ');
    terminal.type('app\r');
    await stubRuns();
    terminal.type(CTRL_C);
    await terminal.shows('$ ');
    terminal.type('echo status $?\r');
    await terminal.shows('status 130\r\n');
    expect(await installsIn(place)).toEqual({ releases: [], runtimes: [] });
  });

  test('Ctrl-Z stops it, and fg goes on with it', async () => {
    const letGo = await removalUnderWay();
    const terminal = await open(BASH);
    await terminal.shows('$ ');
    terminal.type('app\r');
    await stubRuns();
    terminal.type(CTRL_Z);
    await terminal.shows('Stopped');
    await terminal.shows('$ ');
    letGo();
    terminal.type('fg\r');
    await terminal.shows('ready\r\n');
    terminal.type('typed\r');
    await terminal.shows('line "typed\\n"\r\n');
  });

  test.skipIf(lacks('strace'))(
    'in the background shows no progress, and is not stopped by a terminal that lets only the foreground write',
    async () => {
      place = await temporaryDirectory();
      const file = path.join(place, 'file');
      const slowly =
        'strace -f -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:delay_enter=1200000:when=1';
      const terminal = await open(BASH);
      await terminal.shows('$ ');
      terminal.type(`stty tostop; ${slowly} app ${file} & wait; echo status $?\r`);
      await terminal.shows('status 0\r\n');
      expect(await readFile(file, 'utf8')).toBe('written');
      await terminal.shows('$ ');
      terminal.type('exit\r');
      expect((await terminal.ended).screen).not.toContain('unpacking');
    },
  );
});

async function isExecuted(file: string): Promise<boolean> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const executables = await Promise.all(processes.map((pid) => readlink(`/proc/${pid}/exe`).catch(() => '')));
  return executables.includes(file);
}
