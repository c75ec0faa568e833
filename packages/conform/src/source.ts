/** Where a value comes from. */
export type Source = { readonly path: readonly string[] } & (
  | {
      readonly from: 'file';
      /** The setting, as it is written in the file. */
      readonly key: string;
      readonly file: string | undefined;
      readonly line: number | undefined;
      readonly column: number | undefined;
    }
  | { readonly from: 'environment'; readonly key: string; readonly variable: string }
  | { readonly from: 'default'; readonly key: string }
  | { readonly from: 'transform' }
);

/** Where a value comes from, as a person is told: `config/kv.conf:12`, `$KV_PORT`, `default`, `transform`. */
export function describeSource(source: Source): string {
  switch (source.from) {
    case 'file':
      return [source.file ?? 'the file', source.line].filter((part) => part !== undefined).join(':');
    case 'environment':
      return `$${source.variable}`;
    default:
      return source.from;
  }
}
