import type { Registry } from './registry.ts';

// A release has one copy of each package, so this is one variable for everybody who imports `kv`.
let running: Registry | undefined;

/** The registry of the running application. */
export function registry(): Registry {
  if (running === undefined) throw new Error('the application kv is not running');
  return running;
}

export function setRegistry(registry: Registry | undefined): void {
  running = registry;
}
