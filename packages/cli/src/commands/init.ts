import { command, projectOf, projectPositional } from '../command.ts';
import { projectFlags, shownFlags } from '../flags.ts';

export const initCommand = command({
  name: 'init',
  description: 'Write sarma.config.ts, rel/ and lines of .gitignore',
  positional: { ...projectPositional, description: 'The project [this folder]' },
  flags: {
    ...projectFlags,
    'github-actions': {
      type: 'boolean',
      description: 'Write .github/workflows/release.yml too: a pushed tag becomes a release',
    },
    force: { type: 'boolean', description: 'Replace files that are there' },
    quiet: shownFlags.quiet,
    verbose: shownFlags.verbose,
  },
  examples: [['sarma init', 'asks nothing, and leaves alone what is there']],
  run: async (flags) => {
    const { writeInit } = await import('@sarma/release');
    const results = await writeInit(projectOf(flags), {
      workspace: flags.workspace,
      force: flags.force ?? false,
      githubActions: flags.githubActions,
    });
    if (!flags.quiet) (await import('../show/init.ts')).showInit(results);
    return 0;
  },
});
