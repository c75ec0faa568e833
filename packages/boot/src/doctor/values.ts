import type { Configuration } from '@sarma/app';

/** One value of a configuration. */
export interface ConfiguredValue {
  /** `application.key…`. */
  readonly name: string;
  readonly key: string;
  readonly value: unknown;
  /** What it stands among. */
  readonly siblings: Readonly<Record<string, unknown>>;
}

/** Every value that is not an object, however deep. */
export function* configuredValues(configuration: Configuration, prefix = ''): Generator<ConfiguredValue> {
  const siblings: Readonly<Record<string, unknown>> = configuration;
  for (const [key, value] of Object.entries(siblings)) {
    const name = prefix + key;
    if (typeof value === 'object' && value !== null)
      yield* configuredValues(value as Configuration, `${name}.`);
    else yield { name, key, value, siblings };
  }
}
