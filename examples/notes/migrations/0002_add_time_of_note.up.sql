ALTER TABLE notes ADD COLUMN written_at TEXT;
UPDATE notes SET written_at = datetime('now');
CREATE INDEX notes_by_time ON notes (written_at);
