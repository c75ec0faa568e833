import { command, projectPositional } from '../command.ts';
import { projectFlags, releaseFlags, releaseOptionsOf, shownFlags, strictFlags } from '../flags.ts';

export const assembleCommand = command({
  name: 'assemble',
  description: 'Make only the directory that goes into an executable',
  positional: projectPositional,
  flags: { ...projectFlags, ...releaseFlags, ...strictFlags, ...shownFlags },
  examples: [['sarma assemble', 'the release → _build/prod/rel/NAME']],
  run: async (flags) => {
    const [{ assembleProject }, { runBuild }, { showAssembled }] = await Promise.all([
      import('../assemble-project.ts'),
      import('../run-build.ts'),
      import('../show/assembled.ts'),
    ]);
    return await runBuild(flags, async (onEvent) => {
      const assembled = await assembleProject({ ...releaseOptionsOf(flags), onEvent });
      if (!flags.json && !flags.quiet) showAssembled(assembled);
      return [];
    });
  },
});
