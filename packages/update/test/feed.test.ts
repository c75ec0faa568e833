import { channelOf, type Feed, parseFeed } from '@sarma/update';
import { expect, test } from 'vitest';
import { parseChecksums } from '../src/checksums.ts';

const DIGEST = 'ab'.repeat(32);
const executable = {
  ...{ program: 'hello', target: 'linux-x64', file: 'hello_linux-x64', size: 100, sha256: DIGEST },
  parts: [{ payload: 10, manifest: { offset: 90, length: 10, sha256: DIGEST } }],
};
const feed: Feed = {
  ...{ format: 1, name: 'hello', version: '1.2.0+build.5', tag: 'hello/v1.2.0' },
  executables: [executable],
};
const parse = (value: unknown) => parseFeed(JSON.stringify(value), 'latest.json');

test('a feed is what it says, with what is not known of it besides', () => {
  expect(parse({ ...feed, more: 1 })).toEqual({ ...feed, more: 1 });
});

test('of a format that comes later, one is told to get the new version by hand', () => {
  expect(() => parse({ format: 2 })).toThrow(/has format 2, .*by hand/);
});

test.each<readonly [what: string, value: unknown]>([
  ['a word alone', 'nothing'],
  ['null', null],
  ['a list', []],
  ['no format', { ...feed, format: undefined }],
  ['a version that is a path', { ...feed, version: '../1.0.0' }],
  ['no executables', { ...feed, executables: {} }],
  ['an executable that is nothing', { ...feed, executables: [null] }],
  ...[
    '../hello',
    '/etc/passwd',
    'a/b',
    'a\\b',
    '.',
    '..',
    '.hidden',
    '',
    'x\0',
    'http://x',
    'a?b',
    'a#b',
  ].map((file) => [`the file ${JSON.stringify(file)}`, withExecutable({ file })] as const),
  ['a negative size', withExecutable({ size: -1 })],
  ['a hash of other letters', withExecutable({ sha256: 'AB'.repeat(32) })],
  [
    'a manifest behind the end',
    withExecutable({
      parts: [{ ...executable.parts[0], manifest: { offset: 91, length: 10, sha256: DIGEST } }],
    }),
  ],
  ['parts that are none', withExecutable({ parts: [null] })],
])('a feed with %s is refused', (_, value) => {
  expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'FEED_INVALID' }));
});

function withExecutable(change: object) {
  return { ...feed, executables: [{ ...executable, ...change }] };
}

test('a page that is no feed is no feed, whatever the server says of it', () => {
  expect(() => parseFeed('<!doctype html>', 'https://example.org/latest.json')).toThrow(
    'https://example.org/latest.json is no feed of published versions: it is not JSON.',
  );
});

test.each([
  ['1.3.0', 'latest'],
  ['1.3.0-beta.2', 'beta'],
  ['1.3.0-Beta2', 'beta'],
  ['1.3.0-release-candidate.1', 'release-candidate'],
  ['1.3.0-0', 'next'],
  ['1.3.0-20261122.beta', 'next'],
  ['1.3.0-next.1', 'next'],
  ['1.3.0+beta', 'latest'],
  ['1.3.0-beta+5', 'beta'],
  ['1.3.0-beta_1', 'beta'],
  ['1.3.0-beta-2', 'beta'],
  ['abc1234', 'latest'],
])('%s belongs to the channel %s', (version, channel) => {
  expect(channelOf(version)).toBe(channel);
});

test('checksums are those that sha256sum writes, and nothing else on a line', () => {
  const text = `${DIGEST}  a\n${DIGEST} *b c\r\n# comment\n${DIGEST.slice(1)}  short\n  ${DIGEST}  moved\n`;
  expect([...parseChecksums(text)]).toEqual([
    ['a', DIGEST],
    ['b c', DIGEST],
  ]);
});
