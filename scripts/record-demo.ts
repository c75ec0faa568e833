// Records the session of the README, docs/demo.svg: `node scripts/record-demo.ts`, on Linux, with util-linux's `script`. Commands
// are typed into a shell on a terminal; all that it shows was printed by what ran then. Pauses above two seconds are cut. Where the build
// cache has no runtime, the recording shows how that is fetched.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import xterm from '@xterm/headless';
import { type Frame, paced, rowsOf } from './demo/recording.ts';
import { svgOf } from './demo/svg.ts';

const root = path.resolve(import.meta.dirname, '..');
const PICTURE = path.join(root, 'docs/demo.svg');
// A home that says nothing about the one who records. There must be none yet.
const HOME = '/tmp/demo';
const PROMPT = '~/hello $ ';
const COLUMNS = 104;

const HELLO = `const name: string = process.argv[2] ?? 'world';
console.log(\`Hello, \${name}! I am Node \${process.version}.\`);
`;
const COMMANDS = [
  'cat hello.ts',
  'wrap hello.ts',
  'ls -1sh burrito_out',
  './burrito_out/hello_linux-x64 you      # unpacks, once',
  './burrito_out/hello_linux-x64 again',
  './burrito_out/hello_linux-x64 maintenance',
];

await mkdir(HOME);
try {
  await mkdir(path.join(HOME, 'bin'));
  await writeFile(
    path.join(HOME, 'bin/wrap'),
    `#!/bin/sh\nexec "${process.execPath}" "${root}/packages/cli/bin/wrap.js" "$@"\n`,
  );
  await chmod(path.join(HOME, 'bin/wrap'), 0o755);
  await mkdir(path.join(HOME, 'hello'));
  await writeFile(path.join(HOME, 'hello/hello.ts'), HELLO);
  const frames = paced(await record(), 40, 2000);
  const picture = svgOf({ columns: COLUMNS, frames }, `A terminal: ${COMMANDS.join(', ')}`);
  for (const own of [root, homedir(), hostname()])
    if (picture.includes(own))
      throw new Error(`${own} of this machine is in the recording; ${PICTURE} is left as it was`);
  await writeFile(PICTURE, picture);
  console.log(
    `${PICTURE}: ${(picture.length / 1000).toFixed(0)} kB, ${(frames.at(-1)!.at / 1000).toFixed(1)} s`,
  );
} finally {
  await rm(HOME, { recursive: true });
}

/** What the terminal showed from the first prompt on to the one behind the last command. */
async function record(): Promise<readonly Frame[]> {
  const terminal = new xterm.Terminal({ cols: COLUMNS, rows: 50, allowProposedApi: true });
  const shell = `stty cols ${COLUMNS} rows 50; exec bash --norc --noprofile`;
  const child = spawn('script', ['-qefc', shell, '/dev/null'], {
    cwd: path.join(HOME, 'hello'),
    env: {
      // With what this machine's way to the network needs, and nothing else of its user.
      ...process.env,
      NPM_CONFIG_USERCONFIG: path.join(homedir(), '.npmrc'),
      XDG_CACHE_HOME: undefined,
      NO_COLOR: undefined,
      CI: undefined,
      HOME,
      PATH: `${HOME}/bin:/usr/bin:/bin`,
      SHELL: '/bin/sh',
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      PS1: '\\[\\e[32m\\]\\w $\\[\\e[0m\\] ',
      SARMA_BUILD_CACHE: process.env.SARMA_BUILD_CACHE ?? path.join(homedir(), '.cache/sarma-build'),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const frames: Frame[] = [];
  let look = () => {};
  child.stdout.on('data', (chunk: Buffer) =>
    terminal.write(chunk, () => {
      frames.push({ at: Math.round(performance.now()), rows: rowsOf(terminal) });
      look();
    }),
  );
  const prompt = () =>
    new Promise<void>((resolve) => {
      look = () => {
        const { cursorX, cursorY, baseY } = terminal.buffer.active;
        const line = terminal.buffer.active.getLine(baseY + cursorY)!.translateToString();
        if (line.trimEnd() === PROMPT.trimEnd() && cursorX === PROMPT.length) resolve();
      };
      look();
    });
  await prompt();
  const first = frames.length - 1;
  for (const command of COMMANDS) {
    await pause(1000);
    for (const key of command) {
      child.stdin.write(key);
      await pause(45);
    }
    await pause(400);
    child.stdin.write('\r');
    await prompt();
  }
  const shown = frames.slice(first).map(({ at, rows }) => ({ at: at - frames[first]!.at, rows }));
  child.stdin.write('exit\r');
  await once(child, 'close');
  return shown;
}
