import { expect, test } from 'vitest';
import { quoted } from '../src/shell.ts';

test.each([
  ['/usr/local/bin/hello', '/usr/local/bin/hello'],
  ['SARMA_MAINTENANCE=update', 'SARMA_MAINTENANCE=update'],
  ['/home/ann/my programs/hello', "'/home/ann/my programs/hello'"],
  ["/home/ann's/hello", "'/home/ann'\\''s/hello'"],
  ['', "''"],
])('for a POSIX shell, %j is typed as %s', (word, typed) => {
  expect(quoted(word, 'linux')).toBe(typed);
});

test.each([
  ['C:\\Users\\ann\\hello.exe', 'C:\\Users\\ann\\hello.exe'],
  ['C:\\Users\\Jörg\\hello-2.exe', 'C:\\Users\\Jörg\\hello-2.exe'],
  ['C:\\Program Files\\hello.exe', '"C:\\Program Files\\hello.exe"'],
  // At which cmd would end the name of the program.
  ['C:\\a,b=c\\hello.exe', '"C:\\a,b=c\\hello.exe"'],
])('for Windows, %j is typed as %s', (word, typed) => {
  expect(quoted(word, 'win32')).toBe(typed);
});
