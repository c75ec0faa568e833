import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { invalidVariable, type Numbers, wholeNumber } from '../whole-number.ts';

/** Where a node's log goes and how much of it is kept. */
export interface LogSettings {
  /** The current file; older ones are `FILE.1` (the youngest) and so on. */
  readonly file: string;
  /** Bytes after which a file is put aside. */
  readonly bytes: number;
  /** How many files there are at most, the current one included. */
  readonly files: number;
}

/** What the launcher counts with. */
const MOST_BYTES = 2 ** 32 - 1;
const DEFAULT_BYTES = 10 * 1024 * 1024;
const DEFAULT_FILES = 5;

export function logFile({ mutableDirectory, node }: ReleaseEnvironment): string {
  return path.join(mutableDirectory, 'log', `${node}.log`);
}

/** `RELEASE_LOG_SIZE` is in bytes, or with K, M or G in units of 1024; `RELEASE_LOG_FILES` is a count. */
export function logSettings(environment: ReleaseEnvironment, env: NodeJS.ProcessEnv): LogSettings {
  return {
    file: logFile(environment),
    bytes: bytes(env, 'RELEASE_LOG_SIZE') ?? DEFAULT_BYTES,
    files: wholeNumber(env, 'RELEASE_LOG_FILES', FILES) ?? DEFAULT_FILES,
  };
}

const FILES: Numbers = { least: 1, most: 9999, expected: 'a number of files from 1 on' };

const UNITS = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

function bytes(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  const [, count = '', unit = ''] = /^([1-9]\d*)([kmg]?)b?$/i.exec(text) ?? [];
  const value = Number(count) * UNITS[unit.toLowerCase() as keyof typeof UNITS];
  if (value > 0 && value <= MOST_BYTES) return value;
  throw invalidVariable(name, text, 'a number of bytes below 4G, as in 10485760 or 10M');
}
