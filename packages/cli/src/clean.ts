import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { ReleaseOptions } from '@sarma/release';
import { type CleanPlan, planClean, removeEmptyFolders, removeItems } from '@sarma/release/clean';
import { addChecksums, isPkgExecutable } from '@sarma/wrapper';
import { OWN_MODULE } from './own-module.ts';
import { shownPath } from './show/measures.ts';

export interface CleanFlags extends ReleaseOptions {
  readonly implode: boolean;
  /** Does not ask. */
  readonly yes: boolean;
}

export class NotConfirmedError extends Error {
  override readonly name = 'NotConfirmedError';
  readonly code = 'NOT_CONFIRMED';
}

/**
 * Removes what Sarma has made of a project. Of `implode` it asks first, on a terminal. Returns what was removed: [] where
 * there was nothing. Throws NotConfirmedError where nobody said yes, and ReleaseError.
 */
export async function cleanProject({ implode, yes, ...options }: CleanFlags): Promise<CleanPlan> {
  const plan = await planClean({
    sarma: OWN_MODULE,
    ...options,
    implode,
    isExecutable: isPkgExecutable,
  });
  if (plan.items.length === 0) return plan;
  if (implode && !yes) await confirm(plan);
  await removeItems(plan);
  for (const folder of new Set(plan.items.map((item) => path.dirname(item.path))))
    await dropChecksums(folder);
  await removeEmptyFolders(plan);
  return plan;
}

async function confirm({ items }: CleanPlan): Promise<void> {
  if (!process.stdin.isTTY)
    throw new NotConfirmedError(
      'clean --implode asks whether it may, and there is no terminal to ask on. If it may: sarma clean --implode --yes',
    );
  const lines = items.map((item) => `  ${shownPath(item.path)}\n`).join('');
  process.stdout.write(`This is removed, with the state of the nodes that ran there (var/):\n${lines}`);
  if (!/^y(es)?$/i.test((await ask('Remove it? [y/N] ')).trim()))
    throw new NotConfirmedError('Nothing was removed.');
}

/** The answer; '' where the terminal is closed instead: Ctrl-D, Ctrl-C. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const closed = once(terminal, 'close').then(() => '');
  const answer = await Promise.race([terminal.question(question).catch(() => ''), closed]);
  terminal.close();
  return answer;
}

/** Lines of what is gone, and a file that has no other ones. */
async function dropChecksums(folder: string): Promise<void> {
  const sums = path.join(folder, 'SHA256SUMS');
  if (!existsSync(sums)) return;
  await addChecksums(folder, []);
  if ((await readFile(sums, 'utf8')) === '') await rm(sums);
}
