// Programs that talk to a person (promise P4): what the terminal shows is what it shows of plain Node, byte for byte, on the
// first run and on every later one.
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { openTerminal, type Terminal, withoutProgress } from './support/terminal.ts';

/** Directories with a command `program`: that of plain Node, and the executable. */
let plain: string;
let wrapped: string;
let installed: string;

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'interactive', bin: 'main.js' },
    {
      'main.js': `
        const { stdin, stdout } = process;
        const readline = require('node:readline');
        const actions = {
          keys() {
            console.log(stdin.isTTY, stdout.isTTY, stdout.columns, stdout.rows, stdout.getColorDepth());
            stdout.on('resize', () => console.log('resized to', stdout.columns, stdout.rows));
            stdin.setRawMode(true).on('data', (bytes) => {
              console.log(JSON.stringify(bytes.toString()));
              if (bytes.includes('q')) { stdin.setRawMode(false); process.exit(5); }
            });
            console.log('press');
          },
          signals() {
            let count = 0;
            process.on('SIGINT', () => console.log('interrupt', ++count));
            process.on('SIGQUIT', () => { console.log('quit after', count); process.exit(6); });
            setInterval(() => {}, 1000);
            console.log('ready');
          },
          lines() {
            process.on('SIGCONT', () => console.log('continued'));
            stdin.on('data', (line) => console.log('line', JSON.stringify(line.toString())));
            console.log('ready');
          },
          password() {
            const stty = (word) => require('node:child_process').spawnSync('stty', [word], { stdio: 'inherit' });
            const face = readline.createInterface({ input: stdin, output: stdout, terminal: false });
            stty('-echo');
            face.question('Password: ', (answer) => { stty('echo'); console.log('\\nof', answer.length); face.close(); });
          },
          masked() {
            const face = readline.createInterface({ input: stdin, output: stdout });
            face.question('Secret: ', (answer) => { console.log('of', answer.length); face.close(); });
            face._writeToOutput = () => stdout.write('*');
          },
          form() {
            const face = readline.createInterface({ input: stdin, output: stdout, prompt: '? ' });
            face.on('line', (line) => { console.log('answer', line); face.prompt(); });
            face.on('SIGINT', () => { console.log('really?'); face.prompt(); });
            // Once readline has the keys again.
            face.on('SIGCONT', () => setImmediate(() => { console.log('back'); face.prompt(); }));
            face.on('close', () => console.log('closed'));
            face.prompt();
          },
          repl() {
            const server = require('node:repl').start({ preview: false });
            server.setupHistory(process.env.HISTORY, () => {});
          },
        };
        actions[process.argv[2]]();
      `,
    },
  );
  const directory = await temporaryDirectory();
  plain = path.join(directory, 'plain');
  wrapped = path.join(directory, 'wrapped');
  for (const place of [plain, wrapped]) await mkdir(place);
  const script = `#!/bin/sh\nexec ${process.execPath} ${program.directory}/main.js "$@"\n`;
  await writeFile(path.join(plain, 'program'), script);
  await chmod(path.join(plain, 'program'), 0o755);
  await rename(await wrapProgram(program), path.join(wrapped, 'program'));
  installed = await temporaryDirectory();
  await run(path.join(wrapped, 'program'), ['keys'], { env: { SARMA_CACHE_DIR: installed } });
});

const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_Z = '\x1a';
const CTRL_BACKSLASH = '\x1c';
const UP = '\x1b[A';

type Session = (terminal: Terminal) => Promise<void>;

/** Lines of shell, and what a person does then. Every kind of start gets a HISTORY of its own. */
async function transcript(place: string, base: string, line: string, session: Session) {
  const env = {
    PATH: `${place}:${process.env.PATH}`,
    SARMA_CACHE_DIR: base,
    HISTORY: path.join(await temporaryDirectory(), 'history'),
    PS1: '$ ',
    HISTFILE: '',
  };
  const terminal = await openTerminal(line, env);
  await session(terminal);
  const { exitCode, screen } = await terminal.ended;
  return { exitCode, screen: withoutProgress(screen) };
}

/** Returns what Node showed, which the two runs of the executable showed too. */
async function sameAsNode(line: string, session: Session) {
  const node = await transcript(plain, '', line, session);
  expect(await transcript(wrapped, installed, line, session)).toEqual(node);
  expect(await transcript(wrapped, await temporaryDirectory(), line, session)).toEqual(node);
  return node;
}

const bash = 'exec bash --norc --noprofile -i';

describe.skipIf(lacks('script'))('on a terminal, what is shown is what plain Node shows', () => {
  test('of a program that reads single keys, Ctrl-C among them, while the window is resized', async () => {
    const { screen, exitCode } = await sameAsNode('exec program keys', async (terminal) => {
      await terminal.shows('press\r\n');
      terminal.type('a');
      await terminal.shows('"a"\r\n');
      terminal.type(CTRL_C);
      await terminal.shows('"\\u0003"\r\n');
      terminal.type(UP);
      await terminal.shows('[A"\r\n');
      await terminal.resize({ cols: 100 });
      await terminal.shows('resized to 100 24\r\n');
      await terminal.resize({ rows: 30 });
      await terminal.shows('resized to 100 30\r\n');
      terminal.type('q');
    });
    expect(screen).toContain('true true 80 24');
    expect(exitCode).toBe(5);
  });

  test('of a program that handles Ctrl-C and Ctrl-\\: each arrives once', async () => {
    const { screen, exitCode } = await sameAsNode('exec program signals', async (terminal) => {
      await terminal.shows('ready\r\n');
      terminal.type(CTRL_C);
      await terminal.shows('interrupt 1\r\n');
      terminal.type(CTRL_C);
      await terminal.shows('interrupt 2\r\n');
      terminal.type(CTRL_BACKSLASH);
    });
    expect(screen).toMatch(/\^\\quit after 2\r\n$/);
    expect(exitCode).toBe(6);
  });

  test('of a program that Ctrl-Z stops and fg goes on with, in a shell, until Ctrl-C ends it', async () => {
    const { screen } = await sameAsNode(bash, async (terminal) => {
      await terminal.shows('$ ');
      terminal.type('program lines\r');
      await terminal.shows('ready\r\n');
      terminal.type(CTRL_Z);
      await terminal.shows('Stopped');
      await terminal.shows('$ ');
      terminal.type('jobs\r');
      await terminal.shows('Stopped');
      await terminal.shows('$ ');
      terminal.type('fg\r');
      await terminal.shows('continued\r\n');
      terminal.type('typed\r');
      await terminal.shows('line "typed');
      terminal.type(CTRL_C);
      await terminal.shows('$ ');
      terminal.type('echo status $?\r');
      await terminal.shows('status 130\r\n');
      await terminal.shows('$ ');
      terminal.type('exit\r');
    });
    expect(screen).toContain('[1]+  Stopped                 program lines\r\n');
  });

  test('of a prompt for a password, without echo', async () => {
    const { screen } = await sameAsNode('exec program password', async (terminal) => {
      await terminal.shows('Password: ');
      terminal.type('secret\r');
    });
    expect(screen).toBe('Password: \r\nof 6\r\n');
  });

  test('of a prompt that shows a star for each key', async () => {
    const { screen } = await sameAsNode('exec program masked', async (terminal) => {
      await terminal.shows('Secret: ');
      for (const key of 'abc') {
        terminal.type(key);
        await terminal.shows('*');
      }
      terminal.type('\r');
    });
    expect(screen).toContain('***');
    expect(screen).toContain('of 3\r\n');
  });

  test('of readline: its history, Ctrl-C, Ctrl-Z and fg, Ctrl-D', async () => {
    const { screen } = await sameAsNode(bash, async (terminal) => {
      await terminal.shows('$ ');
      terminal.type('program form\r');
      await terminal.shows('? ');
      terminal.type('first\r');
      await terminal.shows('answer first\r\n');
      await terminal.shows('? ');
      terminal.type(UP);
      await terminal.shows('first');
      terminal.type('!\r');
      await terminal.shows('answer first!\r\n');
      await terminal.shows('? ');
      terminal.type(CTRL_C);
      await terminal.shows('really?\r\n');
      await terminal.shows('? ');
      terminal.type(CTRL_Z);
      await terminal.shows('Stopped');
      await terminal.shows('$ ');
      terminal.type('fg\r');
      await terminal.shows('back\r\n');
      await terminal.shows('? ');
      terminal.type(CTRL_D);
      await terminal.shows('closed\r\n');
      await terminal.shows('$ ');
      terminal.type('exit\r');
    });
    expect(screen).toContain('answer first!\r\n');
  });

  test('of a REPL, whose history the next one has', async () => {
    const { screen } = await sameAsNode('program repl; exec program repl', async (terminal) => {
      for (const keys of ['6 * 7', UP]) {
        await terminal.shows('> ');
        terminal.type(keys);
        await terminal.shows('6 * 7');
        terminal.type('\r');
        await terminal.shows('42\r\n');
        await terminal.shows('> ');
        terminal.type(CTRL_D);
      }
    });
    expect(screen.match(/42\r\n/g)).toHaveLength(2);
  });
});
