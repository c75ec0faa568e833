import { defineConfig } from 'sarma';

export default defineConfig({
  defaultRelease: 'kv',
  releases: {
    /** A node: the buckets, and the server that speaks for them. */
    kv: {
      version: { from: 'kv_server' },
      applications: { kv: 'permanent', kv_server: 'permanent' },
      steps: ['assemble', 'tar', 'wrap'],
    },
    /** For whoever looks after the nodes: nothing is started, the commands are everything. */
    kv_admin: {
      version: { from: 'kv' },
      applications: { kv: 'load' },
      commands: 'rel/admin',
    },
  },
});
