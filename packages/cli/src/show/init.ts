import type { InitResult } from '@sarma/release';
import { shownPath } from './measures.ts';

const WORDS = { written: 'wrote', replaced: 'replaced', left: 'left alone', added: 'added to' } as const;

/** One line per file of `sarma init`. */
export function showInit(results: readonly InitResult[]): void {
  for (const { file, outcome } of results) process.stdout.write(`${WORDS[outcome]} ${shownPath(file)}\n`);
  for (const { advice } of results) if (advice !== undefined) process.stdout.write(`${advice}\n`);
  if (results.some(({ outcome }) => outcome === 'left')) {
    process.stdout.write(
      'What was there is left alone. To have one of these written anew, remove it; --force replaces them all.\n',
    );
  }
}
