import { command, projectPositional } from '../command.ts';
import { definitionFlags, projectFlags, shownFlags } from '../flags.ts';

export const cleanCommand = command({
  name: 'clean',
  description: 'Remove what was made of the project',
  positional: projectPositional,
  flags: {
    ...projectFlags,
    ...definitionFlags,
    implode: {
      type: 'boolean',
      description: 'All of it: every release, version and environment, and the state of their nodes',
    },
    out: {
      type: 'string',
      requiresArg: true,
      alias: 'o',
      description: 'The folder that executables and archives were written to [burrito_out]',
    },
    yes: { type: 'boolean', description: 'Do not ask', alias: 'y' },
    ...shownFlags,
  },
  examples: [
    ['sarma clean', 'the assembled directory (but its state), executables, archives of this version'],
    ['sarma clean --implode', 'everything in _build and burrito_out that Sarma has made; asks first'],
  ],
  run: async (flags) => {
    const [{ cleanProject }, { releaseOptionsOf }, { showCleaned }, { warn }] = await Promise.all([
      import('../clean.ts'),
      import('../chosen-release.ts'),
      import('../show/clean.ts'),
      import('../show/messages.ts'),
    ]);
    const options = { ...(await releaseOptionsOf(flags)), output: flags.out };
    const plan = await cleanProject({ ...options, implode: flags.implode ?? false, yes: flags.yes ?? false });
    if (flags.json) (await import('../show/json.ts')).writeJson({ type: 'cleaned', ...plan });
    else {
      for (const message of plan.unknown) warn(message);
      if (!flags.quiet) showCleaned(plan);
    }
    return 0;
  },
});
