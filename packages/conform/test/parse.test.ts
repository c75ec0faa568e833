import { describe, expect, test } from 'vitest';
import { type ConfFile, ConformError, parse, parseKey, type Setting, type Value } from '../src/index.ts';

/** What is set, without places: texts as they are, lists as lists, pairs as [name, '=', value]. */
function settings(text: string) {
  return settingsOf(parse(text)).map(({ key, values }) => [key, ...values.map(plain)]);
}

const settingsOf = ({ lines }: ConfFile) => lines.filter((line): line is Setting => line.type === 'setting');

function plain(value: Value): unknown {
  if (value.type === 'text') return value.text;
  return value.type === 'list' ? value.items.map(plain) : [value.name, '=', value.value.text];
}

/** The values of one setting. */
const values = (text: string) => settings(`a = ${text}`)[0]!.slice(1);

function problems(text: string) {
  try {
    parse(text, 'kv.conf');
  } catch (error) {
    if (error instanceof ConformError) return error.message.split('\n');
    throw error;
  }
  throw new Error('it was read');
}

describe('a line', () => {
  test('is a setting, a comment or blank; white space around them means nothing', () => {
    expect(settings('# all of kv\n\n \t\n\tkv.port\t=\t4040 \t\r\n  # the end')).toEqual([
      [['kv', 'port'], '4040'],
    ]);
    expect(parse('# a\n#b\n#   c  \n#\n').lines).toEqual(
      ['a', 'b', '  c', ''].map((text) => ({ type: 'comment', text })),
    );
    expect(parse('').lines).toEqual([]);
  });

  test('may have a comment behind the setting', () => {
    expect(parse('a = b # why\nc = "d"#e\nf = [g]  #').lines).toMatchObject([
      { comment: 'why', values: [{ text: 'b' }] },
      { comment: 'e', values: [{ text: 'd' }] },
      { comment: '', values: [{ type: 'list' }] },
    ]);
  });

  test('of an editor that writes a byte order mark is like any other', () => {
    expect(settings('\uFEFFa = 1')).toEqual([[['a'], '1']]);
    expect(parse('\uFEFFa = 1').lines).toMatchObject([{ at: { line: 1, column: 1 } }]);
  });
});

describe('a key', () => {
  test('is parts between dots: words, quoted parts, and words with \\. in them', () => {
    expect(parseKey('kv.max-size_2')).toEqual(['kv', 'max-size_2']);
    expect(parseKey('kv."a b".c')).toEqual(['kv', 'a b', 'c']);
    expect(parseKey('"starting.string".x\\.y\\.z')).toEqual(['starting.string', 'x.y.z']);
    expect(parseKey('"say \\"hi\\""."back\\\\"')).toEqual(['say "hi"', 'back\\']);
  });

  test('that is none says where it stops being one', () => {
    expect(() => parseKey('kv..port')).toThrow(
      'the key kv..port: expected a name: letters, digits, _ and -, or anything in "quotes", found "."',
    );
    expect(() => parseKey('kv port')).toThrow('expected a dot or the end of the key, found " "');
  });
});

describe('a value', () => {
  test('goes on to the end of the line, without the white space there', () => {
    expect(values('hello  big world \t')).toEqual(['hello  big world']);
    expect(values('$time [$level] say "hi"')).toEqual(['$time [$level] say "hi"']);
    expect(values('C:\\temp\\')).toEqual(['C:\\temp\\']);
  });

  test('in quotes may be anything, several lines too; \\" is a quote, and no other backslash means anything', () => {
    expect(values('""')).toEqual(['']);
    expect(values('" a, # b "')).toEqual([' a, # b ']);
    expect(values('"one\ntwo"')).toEqual(['one\ntwo']);
    expect(values('"say \\"hi\\""')).toEqual(['say "hi"']);
    expect(values('"\\\\server\\n"')).toEqual(['\\\\server\\n']);
    expect(values('"C:\\dir\\\\"')).toEqual(['C:\\dir\\']);
    expect(values('"a\\\\\\"b"')).toEqual(['a\\"b']);
  });

  test('is one of several where there are commas; \\, is a comma', () => {
    expect(values('a, b,c ,  d')).toEqual(['a', 'b', 'c', 'd']);
    expect(values('a, "b, c", d')).toEqual(['a', 'b, c', 'd']);
    expect(values('a\\, b')).toEqual(['a, b']);
    expect(values('C:\\a\\\\, C:\\b')).toEqual(['C:\\a\\', 'C:\\b']);
    expect(values('a, b,')).toEqual(['a', 'b']);
    expect(values('a, # b')).toEqual(['a']);
  });

  test('may be a list in brackets, also in another one', () => {
    expect(values('[1, "Front, door"], [2, Back door]')).toEqual([
      ['1', 'Front, door'],
      ['2', 'Back door'],
    ]);
    expect(values('[ ]')).toEqual([[]]);
    expect(values('[a, [b, [c]],]')).toEqual([['a', ['b', ['c']]]]);
    expect(values('[#a, b#c]')).toEqual([['#a', 'b#c']]);
  });

  test('that begins like a list and goes on behind it is text', () => {
    expect(values('[::1]:8001, [::2]:8002')).toEqual(['[::1]:8001', '[::2]:8002']);
    expect(values('[[::1]:8001]')).toEqual([['[::1]:8001']]);
  });

  test('may be a pair', () => {
    expect(values('a = 1, b = "x, y"')).toEqual([
      ['a', '=', '1'],
      ['b', '=', 'x, y'],
    ]);
    expect(values('[opt1 = val1, opt2 = "val two"]')).toEqual([
      [
        ['opt1', '=', 'val1'],
        ['opt2', '=', 'val two'],
      ],
    ]);
    expect(values('"a b" = c')).toEqual([['a b', '=', 'c']]);
  });

  test('that looks like a pair keeps its text, since it may be an address', () => {
    expect(parse('a = http://host/?a=b').lines).toMatchObject([
      { values: [{ type: 'pair', text: 'http://host/?a=b' }] },
    ]);
    expect(parse('a = key==').lines).toMatchObject([{ values: [{ type: 'pair', text: 'key==' }] }]);
    expect(parse('a = key=').lines).toMatchObject([{ values: [{ type: 'text', text: 'key=' }] }]);
    expect(values('two words = x')).toEqual(['two words = x']);
  });

  test('knows its line and column', () => {
    expect(parse('# c\n\na = "x\ny", [b, c = d]\ne = f').lines).toMatchObject([
      {},
      {},
      {
        at: { line: 3, column: 1 },
        values: [
          { at: { line: 3, column: 5 } },
          {
            at: { line: 4, column: 5 },
            items: [
              { at: { line: 4, column: 6 } },
              { at: { line: 4, column: 9 }, value: { at: { line: 4, column: 13 } } },
            ],
          },
        ],
      },
      { at: { line: 5, column: 1 } },
    ]);
  });
});

describe('a file that is wrong', () => {
  test('is refused with file, line, column, key, what was expected and what was found', () => {
    expect(problems('# kv\nkv.hosts = "a" b')).toEqual([
      'kv.conf:2:16: kv.hosts: expected a comma, a comment or the end of the line, found "b"',
    ]);
    try {
      parse('\nkv.port 80', 'kv.conf');
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'CONFORM_SYNTAX',
        problems: [
          {
            file: 'kv.conf',
            line: 2,
            column: 9,
            key: 'kv.port',
            expected: 'a dot or = behind the key',
            found: '"8"',
          },
        ],
      });
    }
  });

  test('is refused with all that is wrong in it at once, but not with more than 20 lines', () => {
    expect(problems('a =\nb = 1\nc\n= 2\nd = [1, 2\ne = ,\nf = "open')).toEqual([
      'kv.conf:1:4: a: expected a value; one without any text is "", found the end of the line',
      'kv.conf:3:2: c: expected a dot or = behind the key, found the end of the line',
      'kv.conf:4:1: expected a name: letters, digits, _ and -, or anything in "quotes", found "="',
      'kv.conf:5:10: d: expected a comma or ] in the same line, found the end of the line',
      'kv.conf:6:5: e: expected a value; one without any text is "", found ","',
      'kv.conf:7:5: f: expected a closing " to the one here, found the end of the file',
    ]);
    expect(problems('=\n'.repeat(50))).toHaveLength(20);
  });

  test('says where a setting began whose closing quote is missing', () => {
    expect(problems('a = "one\nb = 2\nc = "two"')).toEqual([
      'kv.conf:3:6: a: expected a comma, a comment or the end of the line, found "t" (the setting began in line 1)',
    ]);
  });

  test('is refused where # may be a comment or the end of a password', () => {
    expect(problems('password = abc#def')).toEqual([
      'kv.conf:1:15: password: expected a space in front of a comment, or quotes around a value with # in it, found "#"',
    ]);
  });

  test('is refused where # behind several words may be a comment or the end of a password', () => {
    const expected =
      'expected quotes around several words with # behind them, or the comment in a line above, found "#"';
    expect(problems('password = my secret #1 is "good"')).toEqual([`kv.conf:1:22: password: ${expected}`]);
    expect(problems('greeting = go away # what they read')).toEqual([`kv.conf:1:20: greeting: ${expected}`]);
    expect(values('"go away" # what they read')).toEqual(['go away']);
    expect(values('4200 # the port')).toEqual(['4200']);
  });

  test('is refused for quotes that are none here', () => {
    for (const value of ["'single'", '“curly”', '„low“', '‘a, b’', 'a, “b”', 'name = “x”', '[«a»]'])
      expect(problems(`password = ${value}`)[0]).toContain(
        'expected a value, with " where it has quotes, found',
      );
    expect(values("it's, rock 'n' roll")).toEqual(["it's", "rock 'n' roll"]);
    expect(values('"“curly”"')).toEqual(['“curly”']);
  });

  test('shows one character, never a whole value', () => {
    expect(problems('password = "hunter2" swordfish')[0]).not.toMatch(/hunter|fish/);
  });

  test('is refused for control characters outside of quotes, and names them', () => {
    expect(problems('a = b\u0007')).toEqual([
      'kv.conf:1:6: a: expected text, or quotes around what is none, found the character U+0007',
    ]);
    expect(values('"b\u0007"')).toEqual(['b\u0007']);
  });

  test('is refused for lists deeper than anybody reads', () => {
    expect(values('['.repeat(16) + ']'.repeat(16))).toHaveLength(1);
    expect(problems(`a = ${'['.repeat(100_000)}`)).toEqual([
      'kv.conf:1:21: a: expected at most 16 lists in each other, found "["',
    ]);
  });
});
