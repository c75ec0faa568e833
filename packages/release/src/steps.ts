import { attempt, ReleaseError } from './error.ts';
import type { BuildHook, OnNotice, Release, Step } from './release.ts';

/** What the steps that have names do. */
export interface StepActions {
  readonly assemble: (release: Release) => Promise<Release>;
  readonly appup: (release: Release) => Promise<Release>;
  readonly relup: (release: Release) => Promise<Release>;
  readonly tar: (release: Release) => Promise<Release>;
  readonly wrap: (release: Release) => Promise<Release>;
}

/**
 * Steps are in an order that can work: `assemble` exactly once, the others at most once and after it; `relup` behind
 * `appup`, which writes what it reads, and before `tar` and `wrap`, which pack what it makes. `where` says whose they
 * are. Throws ReleaseError STEPS_INVALID.
 */
export function checkSteps(steps: readonly unknown[], where: string): asserts steps is readonly Step[] {
  const strange = steps.find((step) => typeof step !== 'function' && !isNamed(step));
  if (strange !== undefined)
    throw invalid(
      where,
      `${JSON.stringify(strange)} is no step: expected "assemble", "appup", "relup", "tar", "wrap" or a function`,
    );
  const count = (name: string) => steps.filter((step) => step === name).length;
  if (count('assemble') !== 1)
    throw invalid(where, `expected "assemble" exactly once, found it ${times(count('assemble'))}`);
  for (const name of ['appup', 'relup', 'tar', 'wrap']) {
    if (count(name) > 1)
      throw invalid(where, `expected "${name}" at most once, found it ${times(count(name))}`);
  }
  for (const [first, then] of ORDER) {
    if (steps.includes(first) && steps.includes(then) && steps.indexOf(then) < steps.indexOf(first))
      throw invalid(where, `expected "${then}" behind "${first}", found it before`);
  }
}

const ORDER = [
  ['assemble', 'appup'],
  ['assemble', 'relup'],
  ['assemble', 'tar'],
  ['assemble', 'wrap'],
  ['appup', 'relup'],
  ['relup', 'tar'],
  ['relup', 'wrap'],
] as const;

function isNamed(step: unknown): step is keyof StepActions {
  return ['assemble', 'appup', 'relup', 'tar', 'wrap'].includes(step as string);
}

function times(count: number): string {
  return count === 0 ? 'nowhere' : `${count} times`;
}

function invalid(where: string, what: string): ReleaseError {
  return new ReleaseError('STEPS_INVALID', `${where}: steps: ${what}.`);
}

/**
 * Carries a release through its steps. Each gets it with the steps that remain and may change those, and gives it
 * back. Throws ReleaseError STEP_FAILED, which names a step or build hook of the user's, and what the actions throw.
 */
export async function runSteps(release: Release, actions: StepActions, onNotice: OnNotice): Promise<Release> {
  checkSteps(release.steps, release.name);
  if (release.options.devMode && release.steps.some(isPackaging))
    throw invalid(
      release.name,
      `in the environment ${release.environment} (devMode) it is made of links to this machine, and cannot be packed; choose another with --env`,
    );
  const done: Step[] = [];
  let current = release;
  while (current.steps.length > 0) {
    const [step, ...steps] = current.steps as [Step, ...Step[]];
    const remaining = { ...current, steps };
    if (typeof step === 'function') {
      const name = step.name === '' ? `number ${done.length + 1}` : step.name;
      onNotice({ type: 'notice', level: 'info', message: `step ${name}` });
      current = await callStep(step, name, remaining);
      checkSteps([...done, step, ...current.steps], `${release.name}, after the step ${name}`);
    } else {
      current = await runAction(step, remaining, actions, !done.some(isPackaging));
    }
    done.push(step);
  }
  return current;
}

/** A step of ours, between the user's build hooks. Those of packaging are called once, around all of it. */
async function runAction(
  step: keyof StepActions,
  release: Release,
  actions: StepActions,
  isFirstPackaging: boolean,
): Promise<Release> {
  if (step === 'assemble') await callHooks(release, 'beforeAssembly');
  else if (isPackaging(step) && isFirstPackaging) await callHooks(release, 'beforePackage');
  const result = await actions[step](release);
  if (step === 'assemble') await callHooks(result, 'afterAssembly');
  else if (isPackaging(step) && !result.steps.some(isPackaging)) await callHooks(result, 'afterPackage');
  return result;
}

function isPackaging(step: Step): boolean {
  return step === 'tar' || step === 'wrap';
}

async function callStep(
  step: Extract<Step, (...args: never) => unknown>,
  name: string,
  release: Release,
): Promise<Release> {
  const result: unknown = await attempt('STEP_FAILED', `The step ${name} of ${release.name}`, () =>
    step(release),
  );
  if (isRelease(result)) return result;
  const found =
    result === undefined ? 'nothing' : typeof result === 'object' ? 'something else' : String(result);
  throw new ReleaseError(
    'STEP_FAILED',
    `The step ${name} of ${release.name} returned ${found}; a step must return a release: the one it was given, or a changed copy.`,
  );
}

/** Which of the fields tell a release from anything else, and must be there for what comes next. */
function isRelease(value: unknown): value is Release {
  if (typeof value !== 'object' || value === null) return false;
  const { name, version, path, steps, applications, options } = value as Partial<Release>;
  return (
    [name, version, path].every((one) => typeof one === 'string') &&
    [steps, applications].every((one) => Array.isArray(one)) &&
    typeof options === 'object'
  );
}

async function callHooks(release: Release, name: BuildHook): Promise<void> {
  for (const hook of release.options.buildHooks[name] ?? [])
    await attempt('STEP_FAILED', `The build hook ${name} of ${release.name}`, () => hook(release));
}
