// A service on a terminal (promise P4): one process, which Ctrl-C stops in order, once.
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { lacks } from './support/requirements.ts';
import { wrapProgram } from './support/run.ts';
import { ask, installed, makeService, say } from './support/services.ts';
import { openTerminal } from './support/terminal.ts';

let wrapped: string;
let shelled: string;

beforeAll(async () => {
  const files = {
    'application.ts': `
      import { defineApplication } from '@sarma/app';
      export default defineApplication({
        start() {
          console.log('started', process.pid, process.stdin.isTTY, process.stdout.columns);
          process.stdin.setEncoding('utf8').on('data', (line) => console.log('line', JSON.stringify(line)));
        },
        async stop() {
          console.log('stopping');
          await new Promise((resolve) => process.stdin.once('data', resolve));
          console.log('stopped');
        },
      });`,
  };
  wrapped = await wrapProgram(await makeService('attended', files));
  shelled = await wrapProgram(await makeService('attended', { ...files, 'rel/env.sh': 'export X=1\n' }));
});

describe.skipIf(lacks('script')).each([
  ['an executable', () => wrapped],
  ['an executable that starts by a shell script', () => shelled],
])('a service of %s', (_, fileOf) => {
  const open = async (line: string, which = 'first run') => {
    const one = await installed(fileOf());
    if (which === 'second run') await ask(one, ['version']);
    onTestFinished(async () => void (await ask(one, ['stop'])));
    const terminal = await openTerminal(line.replaceAll('FILE', one.command), one.env);
    return { one, terminal };
  };

  test.each(['first run', 'second run'])(
    '%s: is the process that was started, has the terminal, and stops in order at Ctrl-C',
    async (which) => {
      const { one, terminal } = await open('echo shell $$; exec FILE start', which);
      await terminal.shows('shell ');
      await terminal.shows('started ');
      await terminal.shows('\r\n');
      const pid = await say(one, 'pid');
      terminal.type('typed\r');
      await terminal.shows('line "typed\\n"\r\n');
      terminal.type('\x03');
      await terminal.shows('stopping\r\n');
      terminal.type('\r');
      const { exitCode, screen } = await terminal.ended;
      expect(screen).toContain(`shell ${pid}\r\n`);
      expect(screen).toContain(`started ${pid} true 80\r\n`);
      expect(screen.match(/stopping/g)).toHaveLength(1);
      expect(screen).toContain('stopped\r\n');
      expect(exitCode).toBe(0);
    },
  );

  test('Ctrl-C once more ends it at once, with 130', async () => {
    const { terminal } = await open('exec FILE start');
    await terminal.shows('started ');
    await terminal.shows('\r\n');
    terminal.type('\x03');
    await terminal.shows('stopping\r\n');
    // Two in the same tenth of a second count as one.
    await pause(200);
    terminal.type('\x03');
    const { exitCode, screen } = await terminal.ended;
    expect(exitCode).toBe(130);
    expect(screen).not.toContain('stopped');
  });
});
