import { defineCommand } from '@sarma/app';
import { openDatabase } from '../src/database.ts';
import { rollback } from '../src/migrations.ts';

export default defineCommand({
  description: 'Takes back the last migration, or the last few',
  arguments: ['[count]'],
  run({ args, config }) {
    const [count = '1'] = args;
    if (!/^[1-9]\d*$/.test(count)) {
      console.error(`rollback takes how many migrations to take back, not "${count}"`);
      return 1;
    }
    const names = rollback(openDatabase(config.notes!.database as string), Number(count));
    console.log(
      names.length === 0 ? 'nothing to take back' : names.map((name) => `took back ${name}`).join('\n'),
    );
    return 0;
  },
});
