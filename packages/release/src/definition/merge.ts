import { isPlainObject } from '@sarma/app/internal';
import type { ReleaseConfig } from './sarma-config.ts';
import { modes } from './settings.ts';

/** Keys whose objects are alternatives: two of them merged would be neither. */
const whole: ReadonlySet<string> = new Set(['version']);

/** Lays one configuration over another: plain objects key by key, everything else replaced. */
export function merge(under: ReleaseConfig, over: ReleaseConfig): ReleaseConfig {
  return mergeObjects(withModes(under), withModes(over), whole);
}

/** A list and an object of applications merge as objects. */
function withModes(config: ReleaseConfig): ReleaseConfig {
  const { applications } = config;
  return applications === undefined ? config : { ...config, applications: modes(applications) };
}

function mergeObjects<Value extends object>(under: Value, over: Value, replaced: ReadonlySet<string>): Value {
  const merged = new Map<string, unknown>(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = merged.get(key);
    const both = isPlainObject(below) && isPlainObject(value) && !replaced.has(key);
    merged.set(key, both ? mergeObjects(below, value, new Set()) : value);
  }
  return Object.fromEntries(merged) as Value;
}
