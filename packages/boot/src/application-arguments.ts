import { nearest } from '@sarma/app/internal';
import { BootError } from './error.ts';

/** What `daemon` takes for itself, as its first argument. */
export const HEART = '--heart';

/**
 * The words behind `start` and `daemon` that are the applications': all of them, without the first `--`. Throws BootError
 * UNKNOWN_OPTION where one before a `--` is, or is nearly, an option of ours: it would silently mean nothing.
 */
export function applicationArguments(command: string, words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  const before = end === -1 ? words : words.slice(0, end);
  for (const word of before) if (isNearlyOurs(word)) throw mistaken(command, word);
  return end === -1 ? words : [...before, ...words.slice(end + 1)];
}

/** These words again for a command line, where they are not to be looked at a second time. */
export function passedOn(words: readonly string[]): readonly string[] {
  return words.length === 0 ? [] : ['--', ...words];
}

/** `--hart`, and not `--host` or `--start`. */
function isNearlyOurs(word: string): boolean {
  const [name = ''] = word.split('=');
  return name.startsWith('--h') && name.length > 4 && nearest(name, [HEART]) !== undefined;
}

function mistaken(command: string, word: string): BootError {
  const hint =
    command === 'daemon' ? `Is it ${HEART}? That stands first, by itself.` : `${HEART} is daemon's alone.`;
  return new BootError(
    'UNKNOWN_OPTION',
    `${command} has no option ${word}. ${hint} Arguments of the applications that look like it stand behind --, as in: ${command} -- ${word}`,
  );
}
