import { command, projectPositional } from '../command.ts';
import {
  addonFlags,
  projectFlags,
  releaseFlags,
  runtimeFlags,
  runtimeOptionsOf,
  shownFlags,
  strictFlags,
  targetFlags,
  upgradeFlags,
} from '../flags.ts';

export const assembleCommand = command({
  name: 'assemble',
  description: 'Make only the directory that goes into an executable',
  positional: projectPositional,
  flags: {
    ...projectFlags,
    ...targetFlags,
    ...upgradeFlags,
    ...releaseFlags,
    ...runtimeFlags,
    ...addonFlags,
    ...strictFlags,
    ...shownFlags,
  },
  examples: [
    ['sarma assemble', 'the release → _build/prod/rel/NAME'],
    ['sarma assemble kv --env dev', 'the release kv of sarma.config.ts, for another environment'],
  ],
  run: async (flags) => {
    const [{ assembleProject }, { runBuild }, { showAssembled }, { releaseOptionsOf }] = await Promise.all([
      import('../build.ts'),
      import('../run-build.ts'),
      import('../show/assembled.ts'),
      import('../chosen-release.ts'),
    ]);
    return await runBuild(flags, async (onEvent, signal) => {
      const { assembled, failures } = await assembleProject({
        ...(await releaseOptionsOf(flags)),
        ...runtimeOptionsOf(flags),
        skipAddons: flags.skipAddons,
        upgradeFrom: flags.upgradeFrom,
        onEvent,
        signal,
      });
      if (!flags.json && !flags.quiet) showAssembled(assembled);
      return failures;
    });
  },
});
