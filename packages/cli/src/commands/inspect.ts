import { command, filePositional } from '../command.ts';
import { answerFlags } from '../flags.ts';

export const inspectCommand = command({
  name: 'inspect',
  description: 'Show what is inside an executable and what it weighs',
  positional: filePositional,
  flags: answerFlags,
  examples: [['sarma inspect burrito_out/hello_linux-x64', 'without running it']],
  run: async ({ file, json }) => {
    const { inspect } = await import('@sarma/wrapper');
    const inspection = await inspect(file!);
    if (json) (await import('../show/json.ts')).writeJson(inspection);
    else (await import('../show/inspection.ts')).showInspection(inspection);
    return 0;
  },
});
