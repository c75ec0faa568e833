// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is what is tested.
import { expect, test } from 'vitest';
import { parseVmArgs, withVmArgs } from '../src/vm-args.ts';

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
