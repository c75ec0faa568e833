import { closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** How long a statement waits for another process that has the database, in milliseconds. */
const PATIENCE = 5_000;

/** Opens the file, or makes it, and the directory it lies in, for nobody but the user. */
export function openDatabase(file: string): DatabaseSync {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600)); // what SQLite makes itself, everybody may read
  const database = new DatabaseSync(file, { timeout: PATIENCE });
  // A command reads and writes while the server runs.
  database.exec('PRAGMA journal_mode = WAL');
  return database;
}
