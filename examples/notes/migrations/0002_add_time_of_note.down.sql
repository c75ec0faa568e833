DROP INDEX notes_by_time;
ALTER TABLE notes DROP COLUMN written_at;
