import { defineCommand } from '@sarma/app';
import { Registry } from 'kv';

export default defineCommand({
  description: "What is in a node's file: buckets ~/.local/state/kv/buckets/foo.jsonl",
  arguments: ['<file>'],
  run({ args }) {
    const registry = Registry.read(args[0]!);
    for (const name of registry.names) {
      console.log(name);
      for (const [key, value] of registry.lookup(name)!) console.log(`  ${key} = ${value}`);
    }
  },
});
