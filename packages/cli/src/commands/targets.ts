import { command, projectPositional } from '../command.ts';
import { answerFlags, definitionFlags, projectFlags, runtimeFlags } from '../flags.ts';

export const targetsCommand = command({
  name: 'targets',
  description: 'List the targets, their runtimes, and what is ready',
  positional: projectPositional,
  flags: { ...projectFlags, ...definitionFlags, runtime: runtimeFlags.runtime, ...answerFlags },
  examples: [['sarma targets', 'what can be built, from sarma.lock.json and the build cache']],
  run: async (flags) => {
    const [{ targetStates }, { releaseOptionsOf }] = await Promise.all([
      import('../target-states.ts'),
      import('../chosen-release.ts'),
    ]);
    const states = await targetStates({ ...(await releaseOptionsOf(flags)), runtime: flags.runtime });
    if (flags.json) states.forEach((await import('../show/json.ts')).writeJson);
    else (await import('../show/target-states.ts')).showTargetStates(states);
    return 0;
  },
});
