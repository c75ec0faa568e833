import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';

/** A step of the schema, made of two files: `migrations/0001_create_notes.up.sql` and `….down.sql`. */
export interface Migration {
  readonly name: string;
  readonly up: string;
  readonly down: string;
}

const DIRECTORY = path.join(import.meta.dirname, '../migrations');

/** Those that this version has, in their order. */
export function knownMigrations(directory = DIRECTORY): readonly Migration[] {
  const names = readdirSync(directory).filter((file) => file.endsWith('.up.sql'));
  return names.sort().map((file) => {
    const name = file.slice(0, -'.up.sql'.length);
    const read = (direction: string) =>
      readFileSync(path.join(directory, `${name}.${direction}.sql`), 'utf8');
    return { name, up: read('up'), down: read('down') };
  });
}

/** The names of those that the database has, in their order. */
export function appliedMigrations(database: DatabaseSync): readonly string[] {
  database.exec('CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, at TEXT NOT NULL)');
  return database
    .prepare('SELECT name FROM migrations ORDER BY name')
    .all()
    .map(({ name }) => String(name));
}

export function pendingMigrations(database: DatabaseSync): readonly Migration[] {
  const applied = appliedMigrations(database);
  return knownMigrations().filter(({ name }) => !applied.includes(name));
}

/** Brings the database to this version's schema; the names of what was applied. Each by itself: all of it, or nothing. */
export function migrate(database: DatabaseSync): readonly string[] {
  refuseNewer(database);
  return pendingMigrations(database).map(({ name, up }) => {
    inTransaction(database, () => {
      database.exec(up);
      database.prepare(`INSERT INTO migrations VALUES (?, datetime('now'))`).run(name);
    });
    return name;
  });
}

/** Takes back the last `count`; the names of what was taken back. */
export function rollback(database: DatabaseSync, count: number): readonly string[] {
  refuseNewer(database);
  const known = knownMigrations();
  const last = appliedMigrations(database).toReversed().slice(0, count);
  return last.map((name) => {
    inTransaction(database, () => {
      database.exec(known.find((migration) => migration.name === name)!.down);
      database.prepare('DELETE FROM migrations WHERE name = ?').run(name);
    });
    return name;
  });
}

/** A database that a later version has been at: only that version knows the way back. */
export function refuseNewer(database: DatabaseSync): void {
  const known = knownMigrations().map(({ name }) => name);
  const unknown = appliedMigrations(database).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new Error(
    `The database has been migrated by a later version (${unknown.join(', ')}). ` +
      `Run that version's "rollback ${unknown.length}" first.`,
  );
}

function inTransaction(database: DatabaseSync, change: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    change();
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
