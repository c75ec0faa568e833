import type { DatabaseSync } from 'node:sqlite';
import { defineApplication, isRelease, type StartContext } from '@sarma/app';
import type { FastifyInstance } from 'fastify';
import type { Configuration } from './configuration.ts';
import { openDatabase } from './database.ts';
import { migrate, pendingMigrations, refuseNewer } from './migrations.ts';
import { Notes } from './notes.ts';
import { createServer } from './server.ts';

interface State {
  readonly database: DatabaseSync;
  /** Undefined where `SERVER_ENABLED` is false. */
  readonly server: FastifyInstance | undefined;
}

export default defineApplication({
  async start({ config }: StartContext<Configuration>): Promise<State> {
    const database = openDatabase(config.database);
    prepare(database, config.migrate ?? isRelease());
    if (!config.server) return { database, server: undefined };
    const server = await createServer(new Notes(database), config.secretKeyBase);
    console.log(`notes: ${await server.listen({ host: config.host, port: config.port })}`);
    return { database, server };
  },

  /** Answers what has been asked, then closes the database. */
  async stop({ database, server }) {
    await server?.close();
    database.close();
  },
});

/** A release brings its database up to date by itself; whoever works on the next migration does not want that. */
function prepare(database: DatabaseSync, applyMigrations: boolean): void {
  if (applyMigrations) {
    for (const name of migrate(database)) console.log(`notes: migrated ${name}`);
    return;
  }
  refuseNewer(database);
  const pending = pendingMigrations(database).map(({ name }) => name);
  if (pending.length > 0) {
    throw new Error(
      `${pending.join(', ')} is to be applied first: with NOTES_MIGRATE=true, or "notes migrate"`,
    );
  }
}
