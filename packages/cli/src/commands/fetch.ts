import { command, projectPositional } from '../command.ts';
import {
  addonFlags,
  definitionFlags,
  projectFlags,
  runtimeFlags,
  runtimeOptionsOf,
  shownFlags,
  strictFlags,
  targetFlags,
} from '../flags.ts';

export const fetchCommand = command({
  name: 'fetch',
  description: 'Get runtimes and native addons now, to build offline later',
  positional: projectPositional,
  flags: {
    ...projectFlags,
    ...targetFlags,
    ...definitionFlags,
    ...runtimeFlags,
    ...addonFlags,
    ...strictFlags,
    ...shownFlags,
  },
  examples: [['sarma fetch -t all', 'all that builds need → the build cache, and sarma.lock.json']],
  run: async (flags) => {
    const [{ fetchProject }, { runBuild }, { releaseOptionsOf }] = await Promise.all([
      import('../fetch.ts'),
      import('../run-build.ts'),
      import('../chosen-release.ts'),
    ]);
    return await runBuild(flags, async (onEvent) =>
      fetchProject({
        ...(await releaseOptionsOf(flags)),
        ...runtimeOptionsOf(flags),
        skipAddons: flags.skipAddons,
        onEvent,
      }),
    );
  },
});
