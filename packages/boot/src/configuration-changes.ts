import { isDeepStrictEqual } from 'node:util';
import type { Configuration } from '@sarma/app';

/** How the configuration of one application differs from what it was. */
export interface ConfigurationDifference {
  readonly application: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly changed: Readonly<Record<string, unknown>>;
  readonly removed: readonly string[];
}

/** Only applications with a difference. */
export function compareConfigurations(
  before: Configuration,
  after: Configuration,
): readonly ConfigurationDifference[] {
  const applications = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...applications]
    .map((application) => compareKeys(application, before[application] ?? {}, after[application] ?? {}))
    .filter(({ changed, removed }) => removed.length > 0 || Object.keys(changed).length > 0);
}

function compareKeys(
  application: string,
  before: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
): ConfigurationDifference {
  const changed = Object.entries(config).filter(([key, value]) => !isDeepStrictEqual(value, before[key]));
  const removed = Object.keys(before).filter((key) => !Object.hasOwn(config, key));
  return { application, config, changed: Object.fromEntries(changed), removed };
}
