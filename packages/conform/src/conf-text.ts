import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { ConfFile } from './conf-file.ts';
import { ConformError } from './error.ts';
import { parse } from './parse.ts';

/**
 * Reads and parses a .conf file; `name` is what messages call it. Undefined where there is none. Throws ConformError
 * CONFORM_FILE, CONFORM_SYNTAX.
 */
export function readConf(file: string, name = file): ConfFile | undefined {
  const text = readConfText(file, name);
  return text === undefined ? undefined : parse(text, name);
}

/** The same for one that has to be there. */
export function needConf(file: string, name = file): ConfFile {
  const conf = readConf(file, name);
  if (conf !== undefined) return conf;
  throw new ConformError('CONFORM_FILE', [{ file: name, message: 'there is no such file' }]);
}

/** The text of a .conf file, without a byte order mark; undefined where there is none. Throws ConformError CONFORM_FILE. */
export function readConfText(file: string, name = file): string | undefined {
  const bytes = bytesOf(file, name);
  if (bytes === undefined) return undefined;
  // Nobody's umlaut should become another character, least of all in a password.
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  const line = firstOtherLine(bytes);
  const message = 'the text is not in UTF-8; save the file in that encoding';
  throw new ConformError('CONFORM_FILE', [{ file: name, line, message }]);
}

function bytesOf(file: string, name: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const message = `cannot be read: ${(cause as Error).message}`;
    throw new ConformError('CONFORM_FILE', [{ file: name, message }], { cause });
  }
}

/** Number of the first line, from 1, that is not in UTF-8. A line break is one byte there, and part of no other character. */
function firstOtherLine(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; ; line++) {
    const end = bytes.indexOf('\n', start);
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
