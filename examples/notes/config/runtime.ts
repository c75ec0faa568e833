// Evaluated at every start, before the application is imported, and for each command.
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import path from 'node:path';
import { defineConfiguration, type RuntimeContext } from '@sarma/app';
import { reportRequests } from '../src/telemetry.ts';

export default defineConfiguration(({ configuration, release, env }: RuntimeContext) => {
  reportRequests(configuration.notes?.telemetry === true);
  return {
    notes: {
      // Set to nothing is not set.
      // The state directory outlives the version, so that an upgrade finds its notes.
      database:
        env.NOTES_DB_PATH ||
        path.join(release?.mutableDirectory ?? path.join(homedir(), '.notes'), 'notes.db'),
      // Known to whoever knows where your home is: enough for a page that only this machine can reach.
      secretKeyBase: env.SECRET_KEY_BASE || createHash('sha256').update(`${homedir()}/notes`).digest('hex'),
    },
  };
});
