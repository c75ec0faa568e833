import type { Source } from './translate.ts';

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
