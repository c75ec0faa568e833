import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';

const SOURCES = path.resolve(import.meta.dirname, '../src');
const PAGE = path.resolve(import.meta.dirname, '../../../docs/reliability.md');

it('docs/reliability.md quotes messages as the stub words them', async () => {
  const messages = messagesOf(await readFile(PAGE, 'utf8'));
  expect(messages.length).toBeGreaterThan(40);
  const lines = await linesOfStub();
  expect(messages.filter((message) => !lines.some((line) => line.includes(message)))).toEqual([]);
});

/** What stands in backticks in the first column of the table of messages, without an `…` at its ends. */
function messagesOf(page: string): readonly string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith('When you see this\n')) ?? '';
  const cells = section.split('\n').flatMap((line) => (line.startsWith('| ') ? [line.split(' | ')[0]!] : []));
  return cells.flatMap((cell) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, message]) => message!.replaceAll(/^… | ?…$/g, '')),
  );
}

/** Those of its sources that are no comments, with `…` for what a message is filled in with. */
async function linesOfStub(): Promise<readonly string[]> {
  const names = (await readdir(SOURCES, { recursive: true })).filter((name) => name.endsWith('.zig'));
  const files = await Promise.all(names.map((name) => readFile(path.join(SOURCES, name), 'utf8')));
  return files
    .flatMap((file) => file.split('\n'))
    .filter((line) => !/^\s*\/\//.test(line))
    .map((line) => line.replaceAll(/\{[0-9]?[sd]\}/g, '…'));
}
