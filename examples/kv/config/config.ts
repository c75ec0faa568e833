// Evaluated when the release is assembled; the result is `releases/<version>/sys.config.json`.
import { defineConfiguration, env } from '@sarma/app';

export default defineConfiguration({
  kv_server: {
    // Not process.env: that would be the environment of the machine that builds. A marker is read at every start.
    host: env('HOST', 'string', '127.0.0.1'),
    port: env('PORT', 'integer', 4040),
    nodes: [],
  },
});
