import { command } from '../command.ts';
import { projectFlags, runFlags, shownFlags } from '../flags.ts';

export const evalCommand = command({
  name: 'eval',
  description: 'Evaluate an expression with the configuration loaded and nothing started',
  positional: {
    name: 'expression',
    description: 'JavaScript; await and import() work in it',
    required: true,
  },
  flags: { ...projectFlags, ...runFlags, verbose: shownFlags.verbose },
  examples: [
    ['sarma eval "(await import(\'./src/store.ts\')).size()"', 'from source, in the environment dev'],
  ],
  run: async (flags) => {
    const [{ runFromSource }, { releaseOptionsOf }] = await Promise.all([
      import('../run-from-source.ts'),
      import('../chosen-release.ts'),
    ]);
    const { expression, ...others } = flags as typeof flags & { expression: string };
    const rest = (flags['--'] as readonly string[] | undefined) ?? [];
    return await runFromSource({
      ...(await releaseOptionsOf(others)),
      command: ['eval', expression, '--', ...rest],
    });
  },
});
