import type { Release } from '../release.ts';
import type { PlannedApplication } from './applications.ts';
import type { BuildConfiguration } from './build-configuration.ts';

/**
 * What `define` inlines, as far as it is configuration: `application.key` → value. The boot holds its own configuration
 * against it. Other names (`__VERSION__`, `process.env.NODE_ENV`) are nobody's key.
 */
export function compiledValues(
  { options: { define } }: Release,
  applications: readonly PlannedApplication[],
  configuration: BuildConfiguration,
): Readonly<Record<string, unknown>> {
  const names = [...Object.keys(configuration), ...applications.map(({ installed }) => installed.name)];
  return Object.fromEntries(
    Object.entries(define).filter(([key]) => names.some((name) => key.startsWith(`${name}.`))),
  );
}
