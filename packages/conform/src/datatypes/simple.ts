import { isIPv4, isIPv6 } from 'node:net';
import { isRegExp } from 'node:util/types';
import type { Address, SimpleValues } from './datatype.ts';
import { readBytes, readDuration, writeBytes, writeDuration } from './quantities.ts';

/** How the text of one value is read and written. */
interface SimpleDatatype<Value> {
  /** What is written, for people. */
  readonly is: string;
  /** What that becomes, for programmers. */
  readonly becomes: string;
  /** Undefined: the text says nothing of the kind. */
  read(text: string): Value | undefined;
  /** Undefined: the value is none of the kind. */
  write(value: unknown): string | undefined;
}

export const SIMPLE: { readonly [Name in keyof SimpleValues]: SimpleDatatype<SimpleValues[Name]> } = {
  string: {
    is: 'text',
    becomes: 'text',
    read: (text) => text,
    write: (value) => (typeof value === 'string' ? value : undefined),
  },
  boolean: {
    is: 'true or false (also yes, on, 1 and no, off, 0)',
    becomes: 'true or false',
    read(text) {
      if (/^(?:true|yes|on|1)$/i.test(text)) return true;
      return /^(?:false|no|off|0)$/i.test(text) ? false : undefined;
    },
    write: (value) => (typeof value === 'boolean' ? String(value) : undefined),
  },
  integer: {
    is: 'a whole number',
    becomes: 'a whole number',
    read: (text) => (/^[+-]?\d+$/.test(text) ? numberIf(Number.isSafeInteger, text) : undefined),
    write: (value) => (Number.isSafeInteger(value) ? String(value) : undefined),
  },
  float: {
    is: 'a number',
    becomes: 'a number',
    read: (text) =>
      /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(text)
        ? numberIf(Number.isFinite, text)
        : undefined,
    write: (value) => (Number.isFinite(value) ? String(value) : undefined),
  },
  regex: {
    is: 'a regular expression such as /^ab+$/i',
    becomes: 'a RegExp',
    read: readRegex,
    write: (value) => (isRegExp(value) ? String(value) : undefined),
  },
  ip: {
    is: 'an IP address and a port such as 127.0.0.1:8001 or [::1]:8001',
    becomes: "{ host: '127.0.0.1', port: 8001 }",
    read: readAddress,
    write: writeAddress,
  },
  duration: {
    is: 'a duration such as 250ms, 10s, 5m or 1h30m',
    becomes: 'milliseconds',
    read: readDuration,
    write: writeDuration,
  },
  bytes: {
    is: 'a number of bytes such as 512, 10MB or 4KiB',
    becomes: 'bytes, as a number',
    read: readBytes,
    write: writeBytes,
  },
};

function numberIf(is: (number: number) => boolean, text: string): number | undefined {
  const number = Number(text);
  return is(number) ? number : undefined;
}

function readRegex(text: string): RegExp | undefined {
  const [, source, flags] = /^\/(.+)\/([a-z]*)$/s.exec(text) ?? [];
  if (source === undefined) return undefined;
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}

function readAddress(text: string): Address | undefined {
  const [, six, four, digits] = /^(?:\[([^\]]*)\]|([\d.]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? four;
  const port = Number(digits);
  if (host === undefined || port > 65535) return undefined;
  return (six === undefined ? isIPv4(host) : isIPv6(host)) ? { host, port } : undefined;
}

function writeAddress(value: unknown): string | undefined {
  const { host, port } = (value ?? {}) as Partial<Address>;
  const text = isIPv6(String(host)) ? `[${host}]:${port}` : `${host}:${port}`;
  return readAddress(text) === undefined ? undefined : text;
}
