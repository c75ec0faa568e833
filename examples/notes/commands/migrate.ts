import { defineCommand } from '@sarma/app';
import { openDatabase } from '../src/database.ts';
import { appliedMigrations, migrate, pendingMigrations } from '../src/migrations.ts';

export default defineCommand({
  description: "Brings the database to this version's schema",
  options: { status: { type: 'boolean', description: 'only show which migrations there are' } },
  run({ options, config }) {
    const database = openDatabase(config.notes!.database as string);
    if (options.status) {
      for (const name of appliedMigrations(database)) console.log(`applied ${name}`);
      for (const { name } of pendingMigrations(database)) console.log(`pending ${name}`);
      return;
    }
    const names = migrate(database);
    console.log(
      names.length === 0 ? 'nothing to migrate' : names.map((name) => `migrated ${name}`).join('\n'),
    );
  },
});
