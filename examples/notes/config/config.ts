// Evaluated when the release is assembled. What the host decides is a marker, read at every start.
import { defineConfiguration, env } from '@sarma/app';

export default defineConfiguration({
  notes: {
    host: env('HOST', 'string', '127.0.0.1'),
    port: env('PORT', 'integer', 4200),
    /** False: no web server; the database is there for `notes rpc` and the commands. */
    server: env('SERVER_ENABLED', 'boolean', true),
    /** Null: a release migrates its database when it starts, `sarma run` does not. */
    migrate: env('NOTES_MIGRATE', 'boolean', null),
    telemetry: env('NOTES_TELEMETRY', 'boolean', true),
  },
});
