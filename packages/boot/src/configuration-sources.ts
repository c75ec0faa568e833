import { isPlainObject } from '@sarma/app/internal';
import type { Layer } from './configuration.ts';

/** Where the values of a configuration come from, collected while it is loaded. */
export class ConfigurationSources {
  /** Keys as JSON → where. */
  readonly #found = new Map<string, string>();

  /** Takes a layer: what it says lies over what was said before. */
  add({ source, values, said }: Layer): void {
    this.#put([], values, source);
    for (const [keys, where] of said) this.#put(keys, undefined, where);
  }

  /** Where a value comes from; of an object whose keys come from several places, all of them. */
  of(keys: readonly string[]): string {
    const place = JSON.stringify(keys);
    const own = this.#found.get(place);
    if (own !== undefined) return own;
    // What is masked as a whole is no object any more: what was said is asked, not the value.
    const inside = `${place.slice(0, -1)},`;
    const inner = [...this.#found].filter(([key]) => key.startsWith(inside)).map(([, where]) => where);
    if (inner.length > 0) return [...new Set(inner)].join(', ');
    return keys.length === 0 ? '' : this.of(keys.slice(0, -1));
  }

  #put(keys: readonly string[], value: unknown, source: string): void {
    const variable = variableOf(value);
    if (variable === undefined && isPlainObject(value) && Object.keys(value).length > 0) {
      this.#found.delete(JSON.stringify(keys));
      for (const [key, inner] of Object.entries(value)) this.#put([...keys, key], inner, source);
      return;
    }
    const isRead = variable !== undefined && Boolean(process.env[variable]);
    this.#found.set(JSON.stringify(keys), isRead ? `$${variable}` : source);
  }
}

/** The variable of a marker that `env()` left. */
function variableOf(value: unknown): string | undefined {
  if (!isPlainObject(value) || !isPlainObject(value.$env)) return undefined;
  const { name } = value.$env;
  return typeof name === 'string' ? name : undefined;
}
