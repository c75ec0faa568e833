import { describe, expect, test } from 'vitest';
import {
  ConformError,
  type CustomDatatype,
  type Datatype,
  describeDatatype,
  formatValue,
  parse,
  print,
  translate,
} from '../src/index.ts';

/** What a datatype makes of the right side of a setting. */
function read(text: string, datatype: Datatype): unknown {
  const schema = { mappings: { 'kv.a': { datatype } } };
  const { configuration } = translate(parse(`kv.a = ${text}`, 'kv.conf'), schema, { env: {} });
  return (configuration as { kv: { a: unknown } }).kv.a;
}

/** The sentence about a right side that is none of the datatype. */
function wrong(text: string, datatype: Datatype): string {
  try {
    return `it was read: ${JSON.stringify(read(text, datatype))}`;
  } catch (error) {
    if (error instanceof ConformError) return error.message;
    throw error;
  }
}

/** How a value is written. */
function written(value: unknown, datatype: Datatype): string {
  const line = print({ lines: [{ type: 'setting', key: ['a'], values: formatValue(value, datatype) }] });
  return line.slice('a = '.length, -1);
}

describe('a value of one', () => {
  test('string is any text', () => {
    expect(read('/var/log/x.log', 'string')).toBe('/var/log/x.log');
    expect(read('"a, b"', 'string')).toBe('a, b');
    expect(read('postgres://host/?ssl=on&x=1', 'string')).toBe('postgres://host/?ssl=on&x=1');
    expect(wrong('a, b', 'string')).toBe(
      'kv.conf:1:11: kv.a: expected one value, without a comma or in quotes: text, found "b"',
    );
    expect(wrong('[a]', 'string')).toBe('kv.conf:1:8: kv.a: expected text, found [a]');
  });

  test('boolean is true or false, in the words that people use', () => {
    for (const text of ['true', 'On', 'yes', '1']) expect(read(text, 'boolean')).toBe(true);
    for (const text of ['false', 'OFF', 'no', '0']) expect(read(text, 'boolean')).toBe(false);
    expect(wrong('maybe', 'boolean')).toMatch(
      'expected true or false (also yes, on, 1 and no, off, 0), found "maybe"',
    );
  });

  test('integer is a whole number and nothing behind it', () => {
    expect(read('-42', 'integer')).toBe(-42);
    for (const text of ['12abc', '1.5', '0x10', '9007199254740993', '""'])
      expect(wrong(text, 'integer')).toMatch('kv.a: expected a whole number, found ');
  });

  test('float is a number', () => {
    expect([read('2.5', 'float'), read('-1e3', 'float'), read('7', 'float')]).toEqual([2.5, -1000, 7]);
    for (const text of ['2.5x', 'NaN', '1e999', '.'])
      expect(wrong(text, 'float')).toMatch('expected a number');
  });

  test('regex is one of JavaScript', () => {
    expect(read('"/^a{1,3}$/i"', 'regex')).toEqual(/^a{1,3}$/i);
    for (const text of ['abc', '"/(/"', '/a/qq'])
      expect(wrong(text, 'regex')).toMatch('expected a regular expression such as');
  });

  test('ip is an address and a port', () => {
    expect(read('127.0.0.1:8001', 'ip')).toEqual({ host: '127.0.0.1', port: 8001 });
    expect(read('[::1]:8001', 'ip')).toEqual({ host: '::1', port: 8001 });
    for (const text of ['localhost:80', '127.0.0.1', '127.0.0.1:65536', '1.2.3:80', '[::g]:1', '::1:80'])
      expect(wrong(text, 'ip')).toMatch(
        'expected an IP address and a port such as 127.0.0.1:8001 or [::1]:8001, found ',
      );
  });

  test('duration is milliseconds', () => {
    const texts = ['250ms', '10s', '5m', '1h30m', '1.5h', '2d', '1w', '0s', '4.35s', '30 s', '1 h 30 m'];
    const values = [
      250, 10_000, 300_000, 5_400_000, 5_400_000, 172_800_000, 604_800_000, 0, 4350, 30_000, 5_400_000,
    ];
    expect(texts.map((text) => read(text, 'duration'))).toEqual(values);
    for (const text of ['10', '10 apples', '-5s', 's', '0.5ms'])
      expect(wrong(text, 'duration')).toMatch('expected a duration such as');
  });

  test('bytes is a size, in units of 1000 or of 1024', () => {
    const texts = ['512', '512B', '10MB', '4KiB', '1.5 GB', '4kib', '0'];
    const values = [512, 512, 10_000_000, 4096, 1_500_000_000, 4096, 0];
    expect(texts.map((text) => read(text, 'bytes'))).toEqual(values);
    // Whether that is 1000 or 1024 nobody can know.
    for (const text of ['10M', '4K', '-1KB', '0.5'])
      expect(wrong(text, 'bytes')).toMatch('expected a number of bytes such as');
  });

  test('enum is one of its texts', () => {
    expect(read('info', { enum: ['debug', 'info'] })).toBe('info');
    expect(wrong('inof', { enum: ['debug', 'info'] })).toBe(
      'kv.conf:1:8: kv.a: expected one of: debug, info, found "inof"',
    );
  });

  test('pair is a name and a value', () => {
    expect(read('size = 3', { pair: 'integer' })).toEqual(['size', 3]);
    expect(read('size = "a, b"', { pair: 'string' })).toEqual(['size', 'a, b']);
    expect(wrong('size', { pair: 'integer' })).toMatch(
      'expected name = value; the value a whole number, found "size"',
    );
    expect(wrong('size = x', { pair: 'integer' })).toBe(
      'kv.conf:1:15: kv.a: expected a whole number, found "x"',
    );
  });
});

describe('values of several', () => {
  test('list are each of its type', () => {
    expect(read('1, 2,3', { list: 'integer' })).toEqual([1, 2, 3]);
    expect(read('1', { list: 'integer' })).toEqual([1]);
    expect(read('[1, 2]', { list: 'integer' })).toEqual([1, 2]);
    expect(read('[]', { list: 'integer' })).toEqual([]);
    expect(read('a = b, c', { list: 'string' })).toEqual(['a = b', 'c']);
    expect(wrong('1, x, 3', { list: 'integer' })).toBe(
      'kv.conf:1:11: kv.a: expected a whole number, found "x"',
    );
  });

  test('a list of several types are each of the first that fits', () => {
    expect(read('1, on, x', { list: ['integer', 'boolean', 'string'] })).toEqual([1, true, 'x']);
    expect(wrong('1, x', { list: ['integer', 'float'] })).toMatch(
      'kv.conf:1:11: kv.a: expected a whole number, or a number, found "x"',
    );
  });

  test('lists in a list have brackets of their own', () => {
    const lists = { list: { list: 'integer' } } as const;
    expect(read('[1, 2], [3]', lists)).toEqual([[1, 2], [3]]);
    expect(read('[1, 2]', lists)).toEqual([[1, 2]]);
    expect(read('[[1, 2], [3]]', lists)).toEqual([[1, 2], [3]]);
    expect(read('[[]]', lists)).toEqual([[]]);
    expect(read('[]', lists)).toEqual([]);
    expect(wrong('1, 2', lists)).toBe(
      'kv.conf:1:8: kv.a: expected a list with commas; each a whole number, found "1"',
    );
  });

  test('tuple have each its own type', () => {
    const zone = { tuple: ['integer', 'string'] } as const;
    expect(read('1, "Front door"', zone)).toEqual([1, 'Front door']);
    expect(read('[1, Front], [2, Back]', { list: zone })).toEqual([
      [1, 'Front'],
      [2, 'Back'],
    ]);
    expect(read('[1, Front]', { list: zone })).toEqual([[1, 'Front']]);
    expect(wrong('[1]', { list: zone })).toMatch(
      'expected 2 values with commas: a whole number; text, found [1]',
    );
    expect(wrong('1, a, b', zone)).toMatch(
      'kv.conf:1:14: kv.a: expected 2 values with commas: a whole number; text, found "b"',
    );
  });

  test('pairs are an object', () => {
    expect(read('a = 1, b = 2', { pairs: 'integer' })).toEqual({ a: 1, b: 2 });
    expect(read('[opt1 = val1], [opt1 = val3, opt2 = "val4"]', { list: { pairs: 'string' } })).toEqual([
      { opt1: 'val1' },
      { opt1: 'val3', opt2: 'val4' },
    ]);
    expect(Object.keys(read('__proto__ = 1', { pairs: 'integer' }) as object)).toEqual(['__proto__']);
    expect(wrong('a = 1, a = 2', { pairs: 'integer' })).toBe(
      'kv.conf:1:15: kv.a: expected each name once, found a = 2',
    );
  });
});

describe('a datatype of one’s own', () => {
  const color: CustomDatatype<number> = {
    toDoc: () => 'a color such as #ff0000',
    convert(input) {
      if (typeof input !== 'string' || !/^#[0-9a-f]{6}$/.test(input)) throw new Error('that is no color');
      return Number.parseInt(input.slice(1), 16);
    },
    format: (value) => `#${value.toString(16).padStart(6, '0')}`,
  };

  test('makes of what is written what it wants, or says what is wrong with it', () => {
    expect(read('"#ff0000"', color)).toBe(0xff0000);
    expect(read('"#ff0000", "#00ff00"', { list: color })).toEqual([0xff0000, 0x00ff00]);
    expect(wrong('red', color)).toBe('kv.conf:1:8: kv.a: that is no color');
  });

  test('gets texts, lists and pairs', () => {
    const echo: CustomDatatype = { convert: (input) => input };
    expect(read('a', echo)).toBe('a');
    expect(read('a, [b, c], d = e, f = "g"', echo)).toEqual([
      'a',
      ['b', 'c'],
      'd = e',
      { name: 'f', value: 'g' },
    ]);
  });

  test('documents itself and writes its defaults', () => {
    expect(describeDatatype(color)).toBe('a color such as #ff0000');
    expect(describeDatatype({ list: color })).toBe('a list with commas; each a color such as #ff0000');
    expect(written(255, color)).toBe('"#0000ff"');
  });
});

test('a value is written as what reads as it', () => {
  const both: readonly (readonly [Datatype, unknown, string])[] = [
    ['string', 'a', '"a"'],
    ['boolean', true, 'true'],
    ['integer', 3, '3'],
    ['float', 2.5, '2.5'],
    ['regex', /a b$/g, '/a b$/g'],
    ['ip', { host: '::1', port: 80 }, '[::1]:80'],
    ['duration', 5_400_250, '1h30m250ms'],
    ['duration', 0, '0s'],
    ['bytes', 4096, '4KiB'],
    ['bytes', 10_000_000, '10MB'],
    ['bytes', 1_000_001, '1000001B'],
    [{ enum: ['on', 'off'] }, 'on', 'on'],
    [{ list: 'integer' }, [1, 2], '1, 2'],
    [{ list: 'integer' }, [], '[]'],
    [{ list: ['integer', 'string'] }, ['a', 1], '"a", 1'],
    [{ list: { list: 'integer' } }, [[1, 2]], '[1, 2]'],
    [{ list: { list: 'integer' } }, [[]], '[[]]'],
    [{ list: { list: { list: 'integer' } } }, [[[1]]], '[[[1]]]'],
    [{ pair: 'integer' }, ['a', 1], 'a = 1'],
    [{ pairs: 'string' }, { a: 'b', 'c d': 'e' }, 'a = "b", "c d" = "e"'],
    [{ list: { tuple: ['integer', 'string'] } }, [[1, 'a']], '[1, "a"]'],
  ];
  for (const [datatype, value, text] of both) {
    expect(written(value, datatype)).toBe(text);
    expect(read(text, datatype)).toEqual(value);
  }
});

test('a value that is none of the datatype is not written', () => {
  const none: readonly (readonly [Datatype, unknown])[] = [
    ['string', 1],
    ['integer', 1.5],
    ['duration', -1],
    ['ip', { host: 'localhost', port: 1 }],
    ['ip', null],
    [{ enum: ['a'] }, 'b'],
    [{ list: 'integer' }, ['a']],
    [{ tuple: ['integer'] }, [1, 2]],
    [{ pairs: 'integer' }, [1]],
  ];
  for (const [datatype, value] of none) expect(() => formatValue(value, datatype)).toThrow(ConformError);
});
