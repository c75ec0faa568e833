import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';

// docs/reliability.md is what people search for the words that they see.

const ROOT = path.resolve(import.meta.dirname, '..');
const page = await readFile(path.join(ROOT, 'docs/reliability.md'), 'utf8');

test.each([
  { section: 'When you see this', folder: 'packages/stub/src', ending: '.zig', atLeast: 40 },
  { section: 'When a service says this', folder: 'packages/boot/src', ending: '.ts', atLeast: 15 },
  { section: 'When an update says this', folder: 'packages/update/src', ending: '.ts', atLeast: 15 },
])('"$section" quotes messages as $folder words them', async ({ section, folder, ending, atLeast }) => {
  const messages = messagesOf(section);
  expect(messages.length).toBeGreaterThan(atLeast);
  const lines = await linesOf(path.join(ROOT, folder), ending);
  expect(messages.filter((message) => !lines.some((line) => line.includes(message)))).toEqual([]);
});

test('every test that the page names is there', () => {
  const names = [...page.matchAll(/`((?:packages|test)\/[^`*]+\.test\.ts)`/g)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(100);
  expect(names.filter((name) => !existsSync(path.join(ROOT, name)))).toEqual([]);
});

/** What stands in backticks in the first column of a section's table, without an `…` at its ends. */
function messagesOf(title: string): readonly string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
  const cells = section.split('\n').flatMap((line) => (line.startsWith('| ') ? [line.split(' | ')[0]!] : []));
  return cells.flatMap((cell) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, message]) => message!.replaceAll(/^… ?| ?…$/g, '')),
  );
}

/** Those of its sources that are no comments, with `…` for what a message is filled in with. */
async function linesOf(folder: string, ending: string): Promise<readonly string[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(ending));
  const files = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')));
  return files
    .flatMap((file) => file.split('\n'))
    .filter((line) => !/^\s*\/\//.test(line))
    .map((line) => line.replaceAll(/\{[0-9]?[sd]\}|\$\{[^}]*\}/g, '…'));
}
