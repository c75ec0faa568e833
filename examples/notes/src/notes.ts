import type { DatabaseSync } from 'node:sqlite';

export interface Note {
  readonly id: number;
  readonly text: string;
  /** UTC, `2026-11-21 14:00:00`. */
  readonly written_at: string;
}

/** The notes of a database. */
export class Notes {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** The newest first. */
  all(): readonly Note[] {
    return this.#database.prepare('SELECT * FROM notes ORDER BY id DESC').all() as unknown as Note[];
  }

  get(id: number): Note | undefined {
    return this.#database.prepare('SELECT * FROM notes WHERE id = ?').get(id) as Note | undefined;
  }

  add(text: string): Note {
    return this.#database
      .prepare(`INSERT INTO notes (text, written_at) VALUES (?, datetime('now')) RETURNING *`)
      .get(text) as unknown as Note;
  }

  /** False if there is no such note. */
  remove(id: number): boolean {
    return this.#database.prepare('DELETE FROM notes WHERE id = ?').run(id).changes > 0;
  }
}
