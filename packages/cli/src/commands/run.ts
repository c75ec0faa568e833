import { command, projectPositional } from '../command.ts';
import { projectFlags, runFlags, shownFlags } from '../flags.ts';

export const runCommand = command({
  name: 'run',
  description: 'Boot the applications from source, nothing assembled',
  positional: projectPositional,
  flags: {
    ...projectFlags,
    ...runFlags,
    repl: { type: 'boolean', description: 'With a REPL in the running node' },
    watch: { type: 'boolean', description: 'Start again when a file of the project changes' },
    verbose: shownFlags.verbose,
  },
  examples: [
    ['sarma run', 'the release here, in the environment dev'],
    ['sarma run kv --repl -- --port 4041', 'another one, with a REPL; what follows -- is its arguments'],
  ],
  run: async (flags) => {
    const [{ runFromSource }, { releaseOptionsOf }] = await Promise.all([
      import('../run-from-source.ts'),
      import('../chosen-release.ts'),
    ]);
    const start = flags.repl ? 'start_repl' : 'start';
    const command = [start, '--', ...((flags['--'] as readonly string[] | undefined) ?? [])];
    return await runFromSource({ ...(await releaseOptionsOf(flags)), command, watch: flags.watch });
  },
});
