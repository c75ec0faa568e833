import type { ConfFile, ConfLine, Text, Value } from '../../src/index.ts';
import type { Random } from './random.ts';

// Texts and documents that are as odd as the syntax allows, or odder.

const LETTERS = [...'abcXYZ019_-.,=#"\\[]{}$*:/@~ \t\'`%&()ğ漢', '😀', '\u00a0', '\u2028'];
/** Line breaks, control characters, byte order marks, and halves of a character. */
const ODD = ['\n', '\r', '\r\n', '\0', '\u0007', '\u0085', '\ufeff', '\ud800', '\udc00'];
const CHARACTERS = [...LETTERS, ...LETTERS, ...ODD];

const LINES = [
  ...['kv.port = 4000', 'kv.name = "a \\" b"', 'kv."odd key".x = y', 'a\\.b.c = d', 'list = a, b, "c, d"'],
  ...[
    'nested = [1, [2, 3], [a = 1, "b"]]',
    'pairs = a = 1, b = "2"',
    '# a comment',
    '## doc',
    'x = y # behind',
  ],
  ...['url = http://host/?a=b&c=d', 'ip = [::1]:8001', 'servers = [a = [::1]:80]', ''],
  ...['folders = C:\\\\, D:\\x', 'one = a\\, b'],
];

const PIECES = [
  ...LINES,
  ...['\n\n', ' ', '\t', '=', ',', '[', ']', '"', '\\', '\\"', '\\,', '#', '.', '*', '$name', '😀'],
  ...ODD,
];

/** Any text at all, with more of what means something than chance would have. */
export function anyText(random: Random): string {
  return random.chance(0.5) ? nearlyRight(random) : soup(random);
}

/** Lines that are right, and now and then a slip of the hand. */
function nearlyRight(random: Random): string {
  const text = random.list(1, 5, () => random.pick(LINES)).join('\n');
  if (random.chance(0.4)) return text;
  const at = random.below(text.length);
  return text.slice(0, at) + random.pick(CHARACTERS) + text.slice(at + random.below(2));
}

function soup(random: Random): string {
  const pieces = random.list(0, 12, () => (random.chance(0.7) ? random.pick(PIECES) : word(random, 0, 6)));
  return pieces.join(random.chance(0.6) ? '\n' : '');
}

/** A document as a program would make one. */
export function anyDocument(random: Random): ConfFile {
  return { lines: random.list(0, 6, () => anyLine(random)) };
}

function anyLine(random: Random): ConfLine {
  if (random.chance(0.1)) return { type: 'blank' };
  if (random.chance(0.2)) return { type: 'comment', text: oneLine(random) };
  const key = random.list(1, 4, () => word(random, 1, 6));
  const values = random.list(1, 3, () => anyValue(random, 0));
  const comment = random.chance(0.2) ? { comment: oneLine(random) } : {};
  return { type: 'setting', key, values, ...comment };
}

function anyValue(random: Random, depth: number): Value {
  if (depth < 3 && random.chance(0.2))
    return { type: 'list', items: random.list(0, 3, () => anyValue(random, depth + 1)) };
  if (random.chance(0.2)) return { type: 'pair', name: word(random, 1, 6), value: anyWord(random) };
  return anyWord(random);
}

function anyWord(random: Random): Text {
  return { type: 'text', text: word(random, 0, 10), isQuoted: random.chance(0.3) };
}

function word(random: Random, least: number, most: number): string {
  return random.list(least, most, () => random.pick(CHARACTERS)).join('');
}

/** A comment ends with its line, and white space around it is nobody's. */
function oneLine(random: Random): string {
  return word(random, 0, 12).replaceAll('\n', ' ').trim();
}

/** A text that was right, after what editors, merges and slips of the hand do. */
export function damaged(text: string, random: Random): string {
  return random.list(0, 3, () => random.pick(DAMAGES)).reduce((there, damage) => damage(there, random), text);
}

type Damage = (text: string, random: Random) => string;

const DAMAGES: readonly Damage[] = [
  replacing(() => ''),
  replacing((taken) => taken + taken),
  replacing((_, random) => random.pick(PIECES)),
  replacing((taken, random) => taken + random.pick(CHARACTERS)),
  replacing((taken, random) => '['.repeat(random.below(40)) + taken + ']'.repeat(random.below(40))),
  replacing((taken) => `"${taken}"`),
  (text, random) => random.pick(['\ufeff', ' ', '\n', '#']) + text,
  (text, random) => text.replaceAll('\n', random.pick(['\r\n', '\r', '\n\n', '\n# '])),
  (text, random) => text.slice(0, random.below(text.length + 1)),
  (text, random) => inLines(text, (lines) => [...lines, random.pick(lines)]),
  (text, random) => inLines(text, (lines) => lines.toSorted(() => random.next() - 0.5)),
  (text) => inLines(text, (lines) => lines.map((line) => (/^# .*=/.test(line) ? line.slice(2) : line))),
];

/** Puts something in the place of a few characters. */
function replacing(by: (taken: string, random: Random) => string): Damage {
  return (text, random) => {
    const from = random.below(text.length + 1);
    const to = from + random.below(8);
    return text.slice(0, from) + by(text.slice(from, to), random) + text.slice(to);
  };
}

function inLines(text: string, change: (lines: string[]) => readonly string[]): string {
  return change(text.split('\n')).join('\n');
}
