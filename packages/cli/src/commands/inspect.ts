import { command, filePositional } from '../command.ts';
import { answerFlags } from '../flags.ts';

export const inspectCommand = command({
  name: 'inspect',
  description: 'Show what is inside an executable and what it weighs',
  positional: filePositional,
  flags: answerFlags,
  examples: [['sarma inspect burrito_out/hello_linux-x64', 'without running it']],
  run: async ({ file, json }) => {
    const { inspectSlices } = await import('@sarma/wrapper');
    const inspections = await inspectSlices(file!);
    const { writeJson } = await import('../show/json.ts');
    const { showInspections } = await import('../show/inspection.ts');
    if (json) for (const inspection of inspections) writeJson(inspection);
    else showInspections(inspections);
    return 0;
  },
});
