import { command } from '../command.ts';
import { definitionFlags, projectFlags, shownFlags } from '../flags.ts';

const VERSION = 'an assembled directory, a tar of the step tar, or the version of one that lies there';

export const appupCommand = command({
  name: 'appup',
  description: 'Write what an upgrade does to each changed application',
  positional: { name: 'from', description: `What runs before: ${VERSION}`, required: true },
  further: [{ name: 'to', description: 'What runs then [the assembled release]', required: false }],
  flags: {
    ...projectFlags,
    ...definitionFlags,
    app: {
      group: projectFlags.project.group,
      description: 'Only this application (repeatable, or a,b)',
      type: 'string',
      array: true,
      requiresArg: true,
      coerce: (values: readonly string[]): string[] => values.flatMap((value) => value.split(',')),
    },
    ...shownFlags,
  },
  examples: [
    ['sarma appup 0.1.0', 'from burrito_out/kv-0.1.0-TARGET.tar.gz to what is assembled → rel/appups/'],
    ['sarma appup old/kv _build/prod/rel/kv', 'between two directories'],
  ],
  run: async (flags) => {
    const { from, to, app: apps } = flags as typeof flags & { readonly from: string; readonly to?: string };
    const [{ appup }, { runBuild }, { releaseOptionsOf }] = await Promise.all([
      import('../appup.ts'),
      import('../run-build.ts'),
      import('../chosen-release.ts'),
    ]);
    return await runBuild(flags, async (onEvent) => {
      await appup({ ...(await releaseOptionsOf(flags)), from, to, apps, onEvent });
      return [];
    });
  },
});
