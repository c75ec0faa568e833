import { expect, test } from 'vitest';
import { sarma } from './support/sarma.ts';

test('`sarma --help` lists every command', async () => {
  const { exitCode, stdout, stderr } = await sarma(['--help']);
  for (const command of ['wrap', 'assemble', 'conform', 'targets', 'fetch', 'inspect', 'verify']) {
    expect(stdout).toMatch(new RegExp(`^  sarma ${command} `, 'm'));
  }
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

test('`wrap --help` is that of `sarma wrap`, under its own name', async () => {
  const own = await sarma(['--help'], { program: 'wrap' });
  const { stdout } = await sarma(['wrap', '--help']);
  const flags = (text: string) => text.match(/--[a-z-]+/g)?.toSorted();
  expect(flags(own.stdout)).toEqual(flags(stdout));
  expect(own.stdout).toMatch(/^wrap \[path\]/);
  expect(own.stdout).not.toMatch(/sarma wrap/);
  expect(own.exitCode).toBe(0);
});

test.each(['wrap', 'assemble', 'conform', 'targets', 'fetch', 'inspect', 'verify'])(
  'the help of `sarma %s` describes every flag and shows an example, within 80 columns',
  async (command) => {
    const { stdout } = await sarma([command, '--help']);
    for (const line of stdout.match(/^ +(-\w, )?--[a-z-]+.*$/gm)!) expect(line).toMatch(/--[a-z-]+ {2,}\w/);
    expect(stdout).toMatch(new RegExp(`Examples:\\s+sarma ${command}`));
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  },
);

test('the version is that of the package', async () => {
  const { default: manifest } = await import('../package.json', { with: { type: 'json' } });
  expect(await sarma(['--version'])).toEqual({ exitCode: 0, stdout: `${manifest.version}\n`, stderr: '' });
  expect((await sarma(['-v'], { program: 'wrap' })).stdout).toBe(`${manifest.version}\n`);
});
