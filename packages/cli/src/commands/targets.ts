import { command, projectOf, projectPositional } from '../command.ts';
import { answerFlags, projectFlags, runtimeFlags } from '../flags.ts';

export const targetsCommand = command({
  name: 'targets',
  description: 'List the targets, their runtimes, and what is ready',
  positional: projectPositional,
  flags: { ...projectFlags, runtime: runtimeFlags.runtime, ...answerFlags },
  examples: [['sarma targets', 'what can be built, from sarma.lock.json and the build cache']],
  run: async (flags) => {
    const { targetStates } = await import('../target-states.ts');
    const { workspace, runtime } = flags;
    const states = await targetStates({ project: projectOf(flags), workspace, runtime });
    if (flags.json) states.forEach((await import('../show/json.ts')).writeJson);
    else (await import('../show/target-states.ts')).showTargetStates(states);
    return 0;
  },
});
