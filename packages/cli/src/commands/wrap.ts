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
  wrapFlags,
} from '../flags.ts';
import { UsageError } from '../usage.ts';

export const wrapCommand = command({
  name: 'wrap',
  description: 'Make one executable per target',
  positional: projectPositional,
  flags: {
    ...projectFlags,
    ...targetFlags,
    ...upgradeFlags,
    ...releaseFlags,
    ...runtimeFlags,
    ...addonFlags,
    ...wrapFlags,
    ...strictFlags,
    ...shownFlags,
  },
  examples: [
    ['wrap', 'for the targets of the release, or this machine → burrito_out/NAME_TARGET'],
    ['wrap -t all', 'for every target'],
    ['wrap -t linux-x64,win-x64 -o dist', 'for two, into a folder'],
    ['wrap kv', 'the release kv of sarma.config.ts'],
    ['wrap cli.ts', 'one file, no package.json needed'],
  ],
  run: async (flags) => {
    const { jobs } = flags;
    if (jobs !== undefined && !(Number.isInteger(jobs) && jobs >= 1)) {
      throw new UsageError('--jobs needs a whole number from 1 on.');
    }
    const [{ build }, { runBuild }, { releaseOptionsOf }] = await Promise.all([
      import('../build.ts'),
      import('../run-build.ts'),
      import('../chosen-release.ts'),
    ]);
    return await runBuild(flags, async (onEvent, signal) =>
      build({
        ...(await releaseOptionsOf(flags)),
        output: flags.out,
        ...runtimeOptionsOf(flags),
        skipAddons: flags.skipAddons,
        upgradeFrom: flags.upgradeFrom,
        compression: flags.compression,
        engine: flags.engine,
        verify: flags.verify,
        jobs,
        onEvent,
        signal,
      }),
    );
  },
});
