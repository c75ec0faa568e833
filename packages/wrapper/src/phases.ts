import type { Artifact } from './artifact.ts';
import type { AssembledRelease } from './assembled-release.ts';
import type { Packed } from './build.ts';
import type { Compression } from './compression.ts';
import type { ResourceFiles } from './executables/pe-program-resources.ts';
import type { Need } from './native/needs.ts';
import type { Runtime } from './runtimes/runtime.ts';
import type { ExecutableSettings } from './settings.ts';
import type { Target } from './targets.ts';
import type { Tree, TreeFile } from './tree.ts';

/** The build of one target on its way through its phases: plain data, which a step may return with other values. */
export interface BuildContext {
  readonly target: Target;
  readonly release: AssembledRelease;
  /** What is packed: the assembled release. In `patch`, steps of the user find a copy here that is theirs to change. */
  readonly directory: string;
  /** Laid over the directory when it is packed: what an install has and an assembled release has not. */
  readonly files: readonly TreeFile[];
  /** Left out when it is packed: paths relative to the directory, of files, links and directories with all in them. */
  readonly without: readonly string[];
  readonly settings: ExecutableSettings;
  /** Set by `fetch`. */
  readonly runtime: Runtime | undefined;
  /** Set by `check`: what the release's native files ask of the host. */
  readonly needs: readonly Need[];
  /** Set by `check`: the release as it is on the target, until a step may have changed it. */
  readonly tree: Tree | undefined;
  readonly compression: Compression;
  /** Set by `resources`, for Windows: icon and manifest. */
  readonly resources: ResourceFiles | undefined;
  /** Set by `pack`: the payload that all programs share. */
  readonly packed: Packed | undefined;
  /** Added to by `write`. */
  readonly artifacts: readonly Artifact[];
  /** True ends the build of this target. */
  readonly halted: boolean;
}

/** From context to context. Ours and the user's are called alike. */
export type BuildStep = (context: BuildContext) => BuildContext | Promise<BuildContext>;

export type Phase = (typeof PHASES)[number];
export const PHASES = ['fetch', 'patch', 'build'] as const;

/** Steps of ours, by the names that stand for them in `phases`. */
export type OwnStepName = 'runtime' | 'addons' | 'resources' | 'files' | 'check' | 'pack' | 'write';

/** What a phase consists of where `phases` does not say otherwise. */
const DEFAULT_PHASES = {
  /** The runtime of the target, and the native addons of its own. */
  fetch: ['runtime', 'addons'],
  /** What Windows shows of the executable; files that every install has: the guard, the launcher. */
  patch: ['resources', 'files'],
  /** Native files are held to the target; then the payload, then one executable per program. */
  build: ['check', 'pack', 'write'],
} as const satisfies Record<Phase, readonly OwnStepName[]>;

const OWN_STEPS: readonly string[] = Object.values(DEFAULT_PHASES).flat();

/** The steps of every phase, checked, in the order in which they run. */
export type BuildPlan = Readonly<Record<Phase, readonly (BuildStep | OwnStepName)[]>>;

export class BuildStepError extends Error {
  override readonly name = 'BuildStepError';
  readonly code: 'STEP_UNKNOWN' | 'STEP_FAILED' | 'STEP_RESULT' | 'STEP_HALTED' | 'STEP_MISSING';
  constructor(code: BuildStepError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What a configuration says of phases: `extraSteps` is phase → `{ pre, post }`, lists of functions; `phases` is phase →
 * the list that stands in place of ours, of functions and names of our steps. Throws BuildStepError.
 */
export function planPhases(extraSteps: unknown = {}, phases: unknown = {}): BuildPlan {
  const extra = checkKeys(extraSteps, 'wrap.extraSteps', PHASES);
  const replaced = checkKeys(phases, 'wrap.phases', PHASES);
  const plan = PHASES.map((phase) => {
    const where = `wrap.extraSteps.${phase}`;
    const { pre, post } = checkKeys(extra[phase] ?? {}, where, ['pre', 'post']);
    const own = replaced[phase];
    const steps = [
      ...checkSteps(pre ?? [], `${where}.pre`, []),
      ...(own === undefined ? DEFAULT_PHASES[phase] : checkSteps(own, `wrap.phases.${phase}`, OWN_STEPS)),
      ...checkSteps(post ?? [], `${where}.post`, []),
    ];
    return [phase, steps] as const;
  });
  return Object.fromEntries(plan) as unknown as BuildPlan;
}

function checkKeys(
  value: unknown,
  where: string,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BuildStepError(
      'STEP_UNKNOWN',
      `${where} is ${kindOf(value)}; expected { ${known.join(', ')} }.`,
    );
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new BuildStepError('STEP_UNKNOWN', `${where} has no "${unknown}"; there are ${known.join(', ')}.`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function checkSteps(
  list: unknown,
  where: string,
  names: readonly string[],
): readonly (BuildStep | OwnStepName)[] {
  if (!Array.isArray(list)) {
    throw new BuildStepError('STEP_UNKNOWN', `${where} is ${kindOf(list)}; expected a list of steps.`);
  }
  for (const [index, step] of list.entries()) {
    if (typeof step === 'function' || names.includes(step)) continue;
    const found = typeof step === 'string' ? `"${step}"` : kindOf(step);
    const ours = names.length > 0 ? `, or one of ours by its name: ${names.join(', ')}` : '';
    throw new BuildStepError(
      'STEP_UNKNOWN',
      `${where}[${index}] is ${found}; a step is a function that takes a build context and returns one${ours}.`,
    );
  }
  return list as readonly (BuildStep | OwnStepName)[];
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** Runs the steps of a phase, one after the other. Throws BuildStepError, and what our steps throw. */
export async function runPhase(
  phase: Phase,
  steps: BuildPlan[Phase],
  own: Readonly<Record<OwnStepName, BuildStep>>,
  given: BuildContext,
): Promise<BuildContext> {
  let context = given;
  for (const [index, step] of steps.entries()) {
    const name = typeof step === 'function' ? step.name || `number ${index + 1}` : step;
    const called = `Step ${name} of ${phase}`;
    const returned =
      typeof step === 'function' ? await callUserStep(step, context, called) : await own[step](context);
    const checked = checkContext(returned, context, called);
    const isChanged = typeof step === 'function' || hasOtherFiles(checked, context);
    context = isChanged ? { ...checked, tree: undefined } : checked;
  }
  return context;
}

/** Whether what is packed is not what it was. */
function hasOtherFiles(after: BuildContext, before: BuildContext): boolean {
  return (['directory', 'files', 'without'] as const).some((key) => after[key] !== before[key]);
}

async function callUserStep(step: BuildStep, context: BuildContext, called: string): Promise<unknown> {
  try {
    return await step(context);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BuildStepError('STEP_FAILED', `${called} failed for ${context.target.name}: ${reason}`, {
      cause,
    });
  }
}

function checkContext(returned: unknown, given: BuildContext, called: string): BuildContext {
  const target = given.target.name;
  const context = returned as BuildContext | null | undefined;
  if (context?.target?.name !== target || !Array.isArray(context.artifacts)) {
    throw new BuildStepError(
      'STEP_RESULT',
      `${called} returned no build context for ${target} (${kindOf(returned)}). Return the one it was given, or a copy with other values.`,
    );
  }
  if (context.halted) throw new BuildStepError('STEP_HALTED', `${called} halted the build for ${target}.`);
  return context;
}
