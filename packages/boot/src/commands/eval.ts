import path from 'node:path';
import { loadConfiguration } from '../configuration.ts';
import type { CommandContext } from '../context.ts';
import { evaluate } from '../control/evaluate.ts';
import { readRequest } from '../control/evaluation-request.ts';
import { BootError } from '../error.ts';
import { setProcessEnvironment } from '../process-environment.ts';
import { releaseInfo, setReleaseState } from '../release-state.ts';
import { settled } from '../settled.ts';

/** Evaluates in a process of its own: the configuration is loaded, applications can be imported, nothing is started. */
export async function run({ boot, environment, args, stdout, stderr }: CommandContext): Promise<number> {
  const { evaluation, words } = readRequest('eval', environment.prog, args, stdout);
  setProcessEnvironment(boot, environment);
  setReleaseState(releaseInfo(environment), environment, await loadConfiguration(boot, environment));
  process.argv = [process.execPath, environment.prog, ...words];
  const evaluated = evaluate(path.resolve(environment.root, boot.main), evaluation, {
    console,
    stateOf: nothingRuns,
  });
  const { failed, text } = await settled(boot, 'What eval was given', evaluated);
  (failed ? stderr : stdout).write(text);
  return failed ? 1 : 0;
}

function nothingRuns(application: string): never {
  throw new BootError('NOT_STARTED', `${application} is not started by eval; rpc asks the running node.`);
}
