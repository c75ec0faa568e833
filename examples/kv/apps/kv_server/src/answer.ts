import type { Registry } from 'kv';
import type { Command } from './command.ts';

const OK = 'OK';
const NOT_FOUND = 'NOT FOUND';

/** Does what a command says to the buckets of this node; the lines to say to the client. */
export function answer(registry: Registry, command: Command): string[] {
  switch (command.do) {
    case 'CREATE':
      registry.create(command.bucket);
      return [OK];
    case 'PUT':
      return [registry.put(command.bucket, command.key, command.value) ? OK : NOT_FOUND];
    case 'DELETE':
      return [registry.delete(command.bucket, command.key) ? OK : NOT_FOUND];
    case 'GET': {
      const bucket = registry.lookup(command.bucket);
      return bucket === undefined ? [NOT_FOUND] : [bucket.get(command.key) ?? '', OK];
    }
  }
}
