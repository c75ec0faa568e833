import { defineApplication, type StartContext } from '@sarma/app';
import { Registry } from './registry.ts';
import { setRegistry } from './running.ts';

interface Config {
  /** Where the buckets are kept; without it they end with the node. */
  readonly file?: string;
}

export default defineApplication({
  // Two registries with one journal would each lose what the other one keeps.
  exclusive: true,
  start({ config }: StartContext<Config>) {
    const registry = Registry.open(config.file);
    setRegistry(registry);
    return registry;
  },
  stop(registry) {
    setRegistry(undefined);
    registry.close();
  },
  /** New code for the buckets that are there, and for the journal that is open. */
  codeChange(registry, { onExchange }) {
    const next = Registry.after(registry);
    onExchange(() => setRegistry(next));
    return next;
  },
});
