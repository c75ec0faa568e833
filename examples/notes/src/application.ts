import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DatabaseSync } from 'node:sqlite';
import { defineApplication, isRelease, type StartContext } from '@sarma/app';
import type { Configuration } from './configuration.ts';
import { openDatabase } from './database.ts';
import { migrate, pendingMigrations, refuseNewer } from './migrations.ts';
import { Notes } from './notes.ts';
import { createHandler } from './server.ts';

interface State {
  readonly secretKeyBase: string;
  readonly database: DatabaseSync;
  /** Undefined where `SERVER_ENABLED` is false. */
  readonly server: Server | undefined;
}

/** How long a connection may wait for its next request, in milliseconds: longer than most proxies keep theirs. */
const IDLE = 72_000;

export default defineApplication({
  async start({ config }: StartContext<Configuration>): Promise<State> {
    const { host, port, secretKeyBase } = config;
    const database = openDatabase(config.database);
    prepare(database, config.migrate ?? isRelease());
    const server = config.server ? createServer({ keepAliveTimeout: IDLE }) : undefined;
    const state = { secretKeyBase, database, server };
    if (server === undefined) return state;
    server.on('request', await handlerFor(state, server));
    await once(server.listen(port, host), 'listening');
    console.log(`notes: ${addressOf(server)}`);
    return state;
  },

  /** Answers what has been asked, then closes the database. */
  async stop({ database, server }) {
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    database.close();
  },

  /** New code for the server and the database that are open. A version with another schema has to be started. */
  async codeChange(state, { step, onExchange }) {
    const { database, server } = state;
    prepare(database, false);
    if (server === undefined || step === 'leave') return state;
    const handler = await handlerFor(state, server);
    onExchange(() => server.removeAllListeners('request').on('request', handler));
    return state;
  },
});

async function handlerFor({ database, secretKeyBase }: State, server: Server): Promise<RequestListener> {
  const notes = new Notes(database);
  return await createHandler({ notes, secretKeyBase, isClosing: () => !server.listening });
}

function addressOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

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
