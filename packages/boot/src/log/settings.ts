import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';

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
    bytes:
      read(env, 'RELEASE_LOG_SIZE', bytesOf, 'a number of bytes below 4G, as in 10485760 or 10M') ??
      DEFAULT_BYTES,
    files: read(env, 'RELEASE_LOG_FILES', countOf, 'a number of files from 1 on') ?? DEFAULT_FILES,
  };
}

function read(
  env: NodeJS.ProcessEnv,
  name: string,
  parse: (text: string) => number | undefined,
  expected: string,
): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const value = parse(text);
  if (value !== undefined) return value;
  throw new BootError('INVALID_VARIABLE', `${name} is ${JSON.stringify(text)}; expected ${expected}.`);
}

const UNITS = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

function bytesOf(text: string): number | undefined {
  const match = /^([1-9]\d*)([kmg]?)b?$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * UNITS[match[2]!.toLowerCase() as keyof typeof UNITS];
  return bytes <= MOST_BYTES ? bytes : undefined;
}

function countOf(text: string): number | undefined {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined;
}
