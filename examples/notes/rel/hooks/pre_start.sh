#!/bin/sh
# Before a version's first start: what the database was like before its migrations.
set -eu

database=${NOTES_DB_PATH:-$RELEASE_MUTABLE_DIR/notes.db}
backup=$RELEASE_MUTABLE_DIR/backups/before-$RELEASE_VSN.db

if [ -f "$database" ] && [ ! -f "$backup" ]; then
  umask 077
  mkdir -p "${backup%/*}"
  # With what SQLite has not moved into the file yet.
  rm -f "$backup-wal"
  if [ -f "$database-wal" ]; then cp "$database-wal" "$backup-wal"; fi
  # By that name only when it is whole: the disk may be full.
  cp "$database" "$backup.part"
  mv "$backup.part" "$backup"
  echo "notes: $database was copied to $backup"
fi
