import type { Value } from '../conf-file.ts';

/** What a datatype makes of text that is one value. */
export interface SimpleValues {
  /** Any text. The original's binary and charlist. */
  string: string;
  /** `true`, `on`, `yes`, `1` or `false`, `off`, `no`, `0`. */
  boolean: boolean;
  integer: number;
  float: number;
  /** `/pattern/flags` */
  regex: RegExp;
  /** `127.0.0.1:8001`, `[::1]:8001`: what `server.listen()` takes. */
  ip: Address;
  /** `10s`, `5m`, `1h30m`, `250ms`: milliseconds. */
  duration: number;
  /** `10MB` (1000 each), `4KiB` (1024 each), `512`: bytes. */
  bytes: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the value of a setting is. */
export type Datatype =
  | keyof SimpleValues
  /** One of these texts. */
  | { readonly enum: readonly string[] }
  /** `a, b, c`, each of one type, or of the first of several that it fits. */
  | { readonly list: Datatype | readonly Datatype[] }
  /** `name = value` */
  | { readonly pair: Datatype }
  /** `a = 1, b = 2`: an object. */
  | { readonly pairs: Datatype }
  /** `[1, "Front door"]`: as many values as types. */
  | { readonly tuple: readonly Datatype[] }
  | CustomDatatype;

/** A value as a datatype of one's own gets it: text (also `a = b`), a list, or a pair with quotes in it. */
export type Input = string | readonly Input[] | { readonly name: string; readonly value: string };

/** A datatype of one's own. */
export interface CustomDatatype<Result = unknown> {
  /** A line of documentation for the .conf file: what may be written. */
  toDoc?(): string | undefined;
  /** Makes the value of what was written. What it throws is the end of the sentence `kv.color: …`. */
  convert(input: Input): Result;
  /** How a default is written in a .conf file. Default: as `String()` does. */
  format?(value: Result): string;
}

/** The type of the values of a datatype. */
export type ValueOf<Type> = [Datatype] extends [Type] ? unknown : ValueOfOne<Type>;

type ValueOfOne<Type> = Type extends keyof SimpleValues
  ? SimpleValues[Type]
  : Type extends { readonly enum: readonly (infer Choice)[] }
    ? Choice
    : Type extends { readonly list: infer Item }
      ? readonly ValueOf<Item extends readonly (infer One)[] ? One : Item>[]
      : Type extends { readonly pair: infer Inner }
        ? readonly [name: string, value: ValueOf<Inner>]
        : Type extends { readonly pairs: infer Inner }
          ? Readonly<Record<string, ValueOf<Inner>>>
          : Type extends { readonly tuple: infer Items }
            ? { readonly [Index in keyof Items]: ValueOf<Items[Index]> }
            : Type extends { convert(input: Input): infer Result }
              ? Result
              : unknown;

/** What was made of a setting's values, or which of them is wrong and what should have been there, or why. */
export type Converted =
  | { readonly value: unknown }
  | { readonly wrong: Value | undefined; readonly expected: string }
  | { readonly wrong: Value | undefined; readonly message: string };
