import { command, projectPositional } from '../command.ts';
import {
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
    ...strictFlags,
    ...shownFlags,
  },
  examples: [['sarma fetch -t all', 'all that builds need → the build cache, and sarma.lock.json']],
  run: async (flags) => {
    const [{ fetchProjectRuntimes }, { runBuild }, { releaseOptionsOf }] = await Promise.all([
      import('../fetch.ts'),
      import('../run-build.ts'),
      import('../chosen-release.ts'),
    ]);
    return await runBuild(flags, async (onEvent) =>
      fetchProjectRuntimes({
        ...(await releaseOptionsOf(flags)),
        ...runtimeOptionsOf(flags),
        onEvent,
      }),
    );
  },
});
