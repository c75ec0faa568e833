// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is what is tested.
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { withVmArgs } from '../src/apply-vm-args.ts';
import { parseVmArgs } from '../src/vm-args.ts';
import { testRelease } from './support/release.ts';

test('a line is an argument, without quoting; blank lines and comments are none', () => {
  const text = '# memory\n\n  --max-old-space-size=100  \r\n--title\n"a b" \'c\' `d` $(e)\n-r\n./x y.cjs\n';
  expect(parseVmArgs(text, {})).toEqual({
    args: ['--max-old-space-size=100', '--title', '"a b" \'c\' `d` $(e)', '-r', './x y.cjs'],
    settings: [],
  });
});

test('-app key value sets a key, with JSON where it parses', () => {
  const text =
    '-kv port 4040\n-kv tags ["a", "b"]\n-kv name two words\n-@scope/kv on true\n-kv port\n--kv port 1\n- kv port\n';
  expect(parseVmArgs(text, {})).toEqual({
    args: ['-kv port', '--kv port 1', '- kv port'],
    settings: [
      { application: 'kv', key: 'port', value: 4040 },
      { application: 'kv', key: 'tags', value: ['a', 'b'] },
      { application: 'kv', key: 'name', value: 'two words' },
      { application: '@scope/kv', key: 'on', value: true },
    ],
  });
});

test('${VAR} is replaced with REPLACE_OS_VARS=true; what becomes empty is no argument, what comes in is not looked at again', () => {
  const text = '--a=${A}\n${NONE}\n${NONE:---default}\n-kv port ${PORT}\n${TWO}\n${not a name}\n';
  const env = { A: '1', PORT: '4040', TWO: '-kv more ${A}' };
  expect(parseVmArgs(text, { ...env, REPLACE_OS_VARS: 'true' })).toEqual({
    args: ['--a=1', '--default', '-kv more ${A}', '${not a name}'],
    settings: [{ application: 'kv', key: 'port', value: 4040 }],
  });
  expect(parseVmArgs('--a=${A}\n', { ...env, REPLACE_OS_VARS: 'yes' }).args).toEqual(['--a=${A}']);
});

test('arguments are put in the place of those of the executable, once', () => {
  const guard = ['-r', '/guard.cjs'];
  expect(withVmArgs([...guard, '--x'], ['--x'], ['--y', '--z'])).toEqual([...guard, '--y', '--z']);
  expect(withVmArgs([...guard, '--y', '--z'], ['--x'], ['--y', '--z'])).toBeUndefined();
  expect(withVmArgs(guard, [], ['--y'])).toEqual([...guard, '--y']);
  expect(withVmArgs([...guard, '--x'], ['--x'], [])).toEqual(guard);
  expect(withVmArgs(guard, ['--x'], [])).toBeUndefined();
});

describe('a vm.args that the environment names for a service', () => {
  const service = (files: Readonly<Record<string, string>> = {}) =>
    testRelease({
      applications: ['demo'],
      files: {
        'my.args': '# mine\n--stack-trace-limit=7\n-demo key value of it\n--title\n${T}\n',
        'lib/demo/application.mjs': `export default { start({ args, config, exit }) {
          console.log(JSON.stringify([process.pid, process.execArgv, args, config]));
          exit();
        } };`,
        ...files,
      },
    });
  const wrapped = {
    '.sarma/marker': 'sarma 1\n',
    'releases/0.1.0/release.json': '{"shell":false,"vmArgs":["--no-deprecation"]}',
  };

  test('takes the place of the one in the executable, in the same process and with the same words', async () => {
    const release = await service(wrapped);
    const child = release.spawn(['start', '--x', 'ä b', ''], {
      vmArgs: ['--no-deprecation'],
      env: { RELEASE_VM_ARGS: 'my.args', SARMA_BIN: '/opt/demo', REPLACE_OS_VARS: 'true', T: 'a title' },
    });
    const output = await new Promise<string>((resolve) => {
      let text = '';
      child.stdout!.on('data', (chunk) => (text += chunk));
      child.stderr!.on('data', (chunk) => (text += chunk));
      child.on('close', () => resolve(text));
    });
    expect(JSON.parse(output)).toEqual([
      child.pid,
      ['--stack-trace-limit=7', '--title', 'a title'],
      ['--x', 'ä b', ''],
      { key: 'value of it' },
    ]);
  });

  test('is left to bin/<name> in a directory', async () => {
    const release = await service();
    const { stdout } = await release.run(['start'], { env: { RELEASE_VM_ARGS: 'my.args' } });
    expect(JSON.parse(stdout)[1]).toEqual([]);
  });

  test.each([
    ['RELEASE_VM_ARGS', ['start'], {}],
    ['RELEASE_VM_ARGS', ['start'], wrapped],
    ['RELEASE_REMOTE_VM_ARGS', ['version'], wrapped],
  ])('that is not there is refused: %s of %j', async (variable, words, files) => {
    const release = await service(files);
    const env = { [variable]: 'none.args', SARMA_BIN: '/opt/demo' };
    const { code, stderr } = await release.run(words, { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^demo: .*none\.args cannot be read: ENOENT/);
  });

  // process.execve came with Node 22.15.
  const old = '/usr/bin/node';
  const isOld = /^v(18|20)\./.test(spawnSync(old, ['-v'], { encoding: 'utf8' }).stdout ?? '');

  test.skipIf(!isOld)(
    `a Node that cannot replace its process says so (wants a Node 20 as ${old})`,
    async () => {
      const release = await service(wrapped);
      await writeFile(path.join(release.root, 'my.args'), '--stack-trace-limit=7\n');
      const env = { RELEASE_VM_ARGS: 'my.args', SARMA_BIN: '/opt/demo' };
      const { stdout, stderr, code } = await release.run(['start'], { runtime: old, env });
      expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
      expect(stderr).toMatch(
        /^demo: RELEASE_VM_ARGS names \S+my\.args, and \/opt\/demo cannot apply it here/,
      );
    },
  );
});
