/** Where something begins in its file; both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * A .conf file, line by line: `parse` makes it, `print` writes it. Whoever makes one leaves out what only a parsed one
 * has: `file` and each `at`.
 */
export interface ConfFile {
  /** Its name in messages. */
  readonly file?: string | undefined;
  readonly lines: readonly ConfLine[];
}

export type ConfLine = BlankLine | Comment | Setting;

export interface BlankLine {
  readonly type: 'blank';
}

/** A line that is a comment and nothing else. */
export interface Comment {
  readonly type: 'comment';
  /** What stands behind `#` and the space that follows it; one line. */
  readonly text: string;
}

/** `key = value, value  # comment` */
export interface Setting {
  readonly type: 'setting';
  /** The parts between the dots, without quotes and escapes. */
  readonly key: readonly string[];
  /** At least one. */
  readonly values: readonly Value[];
  /** What stands behind the values and `#`. */
  readonly comment?: string | undefined;
  readonly at?: Position | undefined;
}

export type Value = Text | List | Pair;

/** `bare words` or `"quoted"`. */
export interface Text {
  readonly type: 'text';
  /** Without quotes and escapes. */
  readonly text: string;
  /** `print` quotes besides whatever needs it. */
  readonly isQuoted: boolean;
  readonly at?: Position | undefined;
}

/** `[a, "b", c = d, [e]]` */
export interface List {
  readonly type: 'list';
  readonly items: readonly Value[];
  readonly at?: Position | undefined;
}

/** `name = value` where a value is expected, also `http://host/?a=b`: which of both it is, only a datatype can tell. */
export interface Pair {
  readonly type: 'pair';
  readonly name: string;
  readonly value: Text;
  /** All of it read as one bare text; undefined where a part is quoted. */
  readonly text?: string | undefined;
  readonly at?: Position | undefined;
}
