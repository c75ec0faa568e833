// Evaluated at every start, before the applications are imported.
import path from 'node:path';
import { defineConfiguration, type RuntimeContext } from '@sarma/app';
import { parseNodes } from 'kv';

export default defineConfiguration(({ env, release }: RuntimeContext) => ({
  kv: {
    // In the state directory, so that the next version finds it; each node has a file of its own. From source there is
    // none, and the buckets live as long as the node.
    ...(release && { file: path.join(release.mutableDirectory, 'buckets', `${release.node}.jsonl`) }),
  },
  kv_server: {
    node: release?.node ?? env.RELEASE_NODE ?? 'kv',
    ...(env.NODES !== undefined && { nodes: parseNodes(env.NODES) }),
  },
}));
