import { expect, test } from 'vitest';
import { type ConfFile, parse, print, printKey, type Value } from '../src/index.ts';

/** Without places, which printing may move. */
function withoutPlaces(conf: ConfFile): unknown {
  return JSON.parse(JSON.stringify(conf, (name, value) => (name === 'at' ? undefined : value)));
}

const printed = (...values: readonly Value[]) => print({ lines: [{ type: 'setting', key: ['a'], values }] });
const text = (one: string, isQuoted = false): Value => ({ type: 'text', text: one, isQuoted });

test('what is parsed, printed and parsed again is the same', () => {
  const source = String.raw`# comment
##  generated
#

kv.port=4040   #port
kv."a b".c\.d = "quo\"ted \n \\", C:\dir\\, "C:\dir\\"
kv.x = a\,b ,c , "", [], [[1, "2"], x = y, "x" = y, x = "y"]
kv.ip = [::1]:80, [[::1]:80, x=[::1]:80]
kv.url = http://x/?a=b  #
kv.odd = a = b = c, two words = x, key=
kv.text = "one
two", "\"", [#a, b#c]
`;
  const conf = parse(source);
  expect(withoutPlaces(parse(print(conf)))).toEqual(withoutPlaces(conf));
  expect(print(parse(print(conf)))).toBe(print(conf));
});

test('it is written in one way', () => {
  expect(print(parse('  a=b\t#c\r\n\r\n#d\n"e".f = [ 1,2 , ] , "x"'))).toBe(
    'a = b # c\n\n# d\ne.f = [1, 2], "x"\n',
  );
});

test('parts of keys are quoted or escaped where they need it', () => {
  expect(printKey(['kv', 'a b', 'c.d', '', '"', '*', '$x', 'é'])).toBe(
    'kv."a b".c\\.d.""."\\""."*"."$x"."é"',
  );
});

test('any text is printed as what reads as that text', () => {
  const odd = [
    ...[
      '',
      ' ',
      ' a',
      'a ',
      'a\tb',
      '"',
      '"a"',
      'a"b',
      '\\',
      '\\\\',
      'a\\',
      '\\"',
      'a,b',
      'a\\,b',
      ',',
      '#',
      'a #b',
      'a#b',
    ],
    ...[
      '[',
      ']',
      '[]',
      '[a]',
      '[a]b',
      'a=b',
      'a = b',
      '=',
      'a\nb',
      'a\r\nb',
      '\r',
      '\u0000',
      '\uFEFFa',
      '\u00a0',
      '😀',
      '\ud800',
    ],
  ];
  for (const one of odd) {
    const alone = print({ lines: [{ type: 'setting', key: [one], values: [text(one)], comment: 'c' }] });
    expect(parse(alone).lines, alone).toMatchObject([
      { key: [one], values: [{ type: 'text', text: one }], comment: 'c' },
    ]);
    const pair: Value = { type: 'pair', name: one, value: { type: 'text', text: one, isQuoted: false } };
    const together = printed(
      text(one),
      { type: 'list', items: [text(one), pair, text(one)] },
      pair,
      text(one),
    );
    const same = { type: 'text', text: one };
    const samePair = { type: 'pair', name: one, value: same };
    expect(parse(together).lines, together).toMatchObject([
      { values: [same, { items: [same, samePair, same] }, samePair, same] },
    ]);
  }
});

test('only what needs quotes gets them', () => {
  expect(printed(text('/var/log/x.log'), text('a b'), text('a#b'), text('x', true))).toBe(
    'a = /var/log/x.log, a b, "a#b", "x"\n',
  );
});

test('a comment stays in its line', () => {
  const lines = [{ type: 'comment', text: 'a\nb = 1' }] as const;
  expect(print({ lines })).toBe('# a b = 1\n');
});
