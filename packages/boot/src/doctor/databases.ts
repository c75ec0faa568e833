import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { quietly } from '../quietly.ts';
import { type Finding, ok, type Patient, problem, warning } from './finding.ts';
import { configuredValues } from './values.ts';

/** Whether the SQLite databases that the configuration names can be written to. One process may write at a time. */
export function examineDatabases({ configuration = {}, running }: Patient): Finding[] {
  const files = [...configuredValues(configuration)].flatMap(({ name, value }) =>
    typeof value === 'string' && /\.(db|sqlite3?)$/.test(value) ? [{ name, file: path.resolve(value) }] : [],
  );
  const there = files.filter(({ file }) => existsSync(file));
  if (there.length === 0) return [];
  const sqlite = loadSqlite();
  if (sqlite === undefined) return [];
  return there.map(({ name, file }) => {
    const subject = `database ${file}`;
    if (!isWritable(file))
      return problem(subject, `is not writable for this user (${name}). Change its owner.`);
    const code = tryToWrite(sqlite, file);
    if (code === undefined) return ok(subject, `can be written to (${name})`);
    if (code !== SQLITE_BUSY) return problem(subject, `cannot be used (${name}): SQLite says ${code}.`);
    if (running !== undefined)
      return warning(subject, `is locked (${name}), perhaps by the node itself just now.`);
    return problem(subject, `is locked by another process (${name}). Find it with: fuser ${file}`);
  });
}

type Sqlite = typeof import('node:sqlite');

/** Undefined where the runtime was built without it. */
function loadSqlite(): Sqlite | undefined {
  return quietly(() => process.getBuiltinModule('node:sqlite'));
}

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

/** Takes the lock that a writer takes, and writes nothing. Returns SQLite's error code; undefined where it worked. */
function tryToWrite({ DatabaseSync }: Sqlite, file: string): number | string | undefined {
  const database = new DatabaseSync(file);
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK');
    return undefined;
  } catch (error) {
    return (error as { errcode?: number }).errcode ?? (error as Error).message;
  } finally {
    database.close();
  }
}
