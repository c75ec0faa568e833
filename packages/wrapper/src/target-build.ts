import type { Artifact } from './artifact.ts';
import type { AssembledRelease } from './assembled-release.ts';
import type { Deliver } from './deliver.ts';
import { refuseUniversal } from './engines/pkg.ts';
import type { OnEvent } from './events.ts';
import { ownSteps, type StepTools } from './own-steps.ts';
import { type BuildContext, type BuildPlan, type Phase, runPhase } from './phases.ts';
import { type PrivateCopy, privateCopy } from './private-copy.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { checkStarts } from './start-check.ts';
import { singleTargets, type Target } from './targets.ts';
import { checkOneRuntime, sliceJoiner } from './universal.ts';
import type { WrapOptions } from './wrap.ts';

/** What the builds of all targets share. */
export interface Builds {
  readonly options: WrapOptions;
  readonly plan: BuildPlan;
  readonly release: AssembledRelease;
  readonly tools: Omit<StepTools, 'deliver' | 'onEvent'>;
  readonly fileOf: (program: string, target: Target) => string;
  readonly deliver: Deliver;
  /** The one whose executables are started to see whether they do. */
  readonly started: Target | undefined;
  readonly onEvent: OnEvent;
}

/** The build of one target in its two halves: what waits for others, and what works. */
export interface TargetBuild {
  /** The phase `fetch`: a context per slice, or just one. */
  readonly fetch: () => Promise<readonly BuildContext[]>;
  readonly finish: (contexts: readonly BuildContext[]) => Promise<Built>;
}

export interface Built {
  readonly target: string;
  readonly artifacts: readonly Artifact[];
}

/** Both throw what the steps do. */
export function targetBuild(target: Target, builds: Builds): TargetBuild {
  const { options, plan, release, tools, fileOf, deliver, started, onEvent } = builds;
  const { settings = DEFAULT_SETTINGS } = options;
  const slices = target.slices && sliceJoiner(target, release, settings, fileOf, deliver, onEvent);
  const tell = slices?.onEvent ?? onEvent;
  const own = ownSteps({ ...tools, deliver: slices?.keep ?? deliver, onEvent: tell });
  const run: RunPhase = async (phase, context) => {
    tell({ type: 'phase', target: context.target.name, phase });
    return await runPhase(phase, plan[phase], own, context);
  };
  return {
    fetch: async () => {
      if (tools.engine !== undefined) refuseUniversal(target);
      const singles = singleTargets([target]);
      const contexts = await Promise.all(
        singles.map((one) => run('fetch', firstContext(release, one, options))),
      );
      checkOneRuntime(target, contexts);
      return contexts;
    },
    finish: async (contexts) => {
      const artifacts: Artifact[] = [];
      // What a step of the user changes in the directory is for one target alone. Large files are read there until all is written.
      const copies: PrivateCopy[] = [];
      let finished: readonly Artifact[];
      try {
        for (const context of contexts) {
          if (hasUserStep(plan.patch)) copies.push(await privateCopy(release));
          const directory = copies.at(-1)?.directory ?? context.directory;
          const patched = await run('patch', { ...context, directory });
          artifacts.push(...(await run('build', patched)).artifacts);
        }
        finished = (await slices?.join(artifacts)) ?? artifacts;
      } finally {
        for (const copy of copies) await copy.remove();
      }
      if (target === started) await checkStarts(finished, release, tools.cache, options);
      return { target: target.name, artifacts: finished };
    },
  };
}

type RunPhase = (phase: Phase, context: BuildContext) => Promise<BuildContext>;

function firstContext(
  release: AssembledRelease,
  target: Target,
  { compression = 'best', settings = DEFAULT_SETTINGS }: WrapOptions,
): BuildContext {
  return {
    target,
    release,
    directory: release.directory,
    files: [],
    without: [],
    settings,
    runtime: undefined,
    needs: [],
    tree: undefined,
    compression,
    resources: undefined,
    packed: undefined,
    artifacts: [],
    halted: false,
  };
}

function hasUserStep(steps: BuildPlan[Phase]): boolean {
  return steps.some((step) => typeof step === 'function');
}
