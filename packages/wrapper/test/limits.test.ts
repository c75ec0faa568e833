import { expect, test } from 'vitest';
import { checkLimits } from '../src/limits.ts';

const file = (path: string) => ({ path, mode: 0o644, size: 0, content: '' });
const empty = { directories: [], files: [], links: [] };
const name = 'hello-1.0.0-0123456789ab';
const fits = 'a'.repeat(1024);

test('what a stub accepts passes', () => {
  const links = [{ path: 'l', target: fits, directory: false }];
  checkLimits({ directories: [fits], files: [file(fits)], links }, 'n'.repeat(199));
});

test.each([
  ['too long a path', { ...empty, files: [file(`${fits}b`)] }, name, /has 1025 bytes, and a path/],
  ['too long a path in UTF-8', { ...empty, directories: ['é'.repeat(513)] }, name, /has 1026 bytes/],
  [
    'a link with too long a target',
    { ...empty, links: [{ path: 'l', target: `${fits}b`, directory: true }] },
    name,
    /has 1025 bytes/,
  ],
  [
    'too many directories',
    { ...empty, directories: Array(2 ** 20 + 1).fill('d') },
    name,
    /1048577 directories/,
  ],
  ['too long a name', empty, 'n'.repeat(200), /Shorten its name or version/],
])('%s is refused here, since the stub would call it damaged', (_what, tree, directoryName, message) => {
  expect(() => checkLimits(tree, directoryName)).toThrow(
    expect.objectContaining({ code: 'TOO_LARGE', message: expect.stringMatching(message) }),
  );
});
