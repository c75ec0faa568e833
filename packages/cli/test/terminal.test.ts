import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { hostTarget } from './support/host.ts';
import { folder, hello, onTerminal, quickly, start } from './support/sarma.ts';

const ESCAPE = '\u001b';

test.skipIf(process.platform !== 'linux')(
  'on a terminal there is a line per target that moves, and a table at the end',
  async () => {
    const directory = await folder(hello);
    const shown = await onTerminal(['wrap', '--current', ...quickly], { directory, columns: 80 });
    const text = stripVTControlCharacters(shown);
    expect(text).toMatch(new RegExp(`^✔ ${hostTarget} +\\d+\\.\\d MB`, 'm'));
    expect(text).toMatch(new RegExp(`^target +file +size +runtime +code +time\\s+${hostTarget} `, 'm'));
    expect(shown.lastIndexOf(`${ESCAPE}[?25h`)).toBeGreaterThan(shown.lastIndexOf(`${ESCAPE}[?25l`));
  },
);

test.skipIf(process.platform !== 'linux')(
  'a narrow terminal gets a few lines instead of a table',
  async () => {
    const directory = await folder(hello);
    const shown = await onTerminal(['wrap', '--current', ...quickly], { directory, columns: 40 });
    const lines = stripVTControlCharacters(shown).split(/\r?\n/);
    const at = lines.indexOf(`burrito_out/hello_${hostTarget}`);
    expect(lines[at + 2]).toMatch(/^ {2}runtime \d+\.\d MB$/);
    for (const line of lines.slice(at)) expect(line.length).toBeLessThanOrEqual(40);
  },
);

test.skipIf(process.platform !== 'linux')('NO_COLOR is obeyed', async () => {
  const coloured = new RegExp(`${ESCAPE}\\[[0-9;]*[1-9][0-9;]*m`);
  const argv = ['wrap', '--taget'];
  expect(await onTerminal(argv, { columns: 80 })).toMatch(coloured);
  const environment = { NO_COLOR: '1' };
  expect(await onTerminal(argv, { columns: 80, environment })).not.toMatch(coloured);
});

test('a reader that goes away is no failure', async () => {
  const child = start(['wrap', '--help']);
  child.stdout!.destroy();
  let stderr = '';
  child.stderr!.on('data', (text: Buffer) => (stderr += text));
  const exitCode = await new Promise((resolve) => child.on('exit', resolve));
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});
