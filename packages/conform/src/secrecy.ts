import { isSecretName } from '@sarma/app/internal';
import type { Value } from './conf-file.ts';
import { parseKey } from './key.ts';
import { printValue } from './print.ts';
import type { Source } from './source.ts';

/** Whether anything that a value has to do with is called like a secret: its setting, its place, its variable, a pair in it. */
export function isSecret(source: Source & { readonly key: string }, values: readonly Value[]): boolean {
  const variable = source.from === 'environment' ? [source.variable] : [];
  const names = [...parseKey(source.key), ...source.path, ...variable, ...values.flatMap(namesOfPairs)];
  return names.some(isSecretName);
}

function namesOfPairs(value: Value): readonly string[] {
  if (value.type === 'list') return value.items.flatMap(namesOfPairs);
  return value.type === 'pair' ? [value.name] : [];
}

/** Values as an error shows them. */
export function shownValues(values: readonly Value[]): string {
  const texts = values.map((value) =>
    value.type === 'text' ? JSON.stringify(value.text) : printValue(value),
  );
  const shown = texts.join(', ');
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown;
}

/** What somebody has to say of a value, without the value. */
export function withoutValue(text: string, value: unknown): string {
  const parts = [value].flat(Number.POSITIVE_INFINITY).map(String);
  return parts.reduce((rest, part) => (part === '' ? rest : rest.replaceAll(part, '********')), text);
}
