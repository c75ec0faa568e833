import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launcherPath } from '@sarma/stub';
import type { FindAddons } from './addons/find-addons.ts';
import { releasePackages } from './addons/packages.ts';
import type { AssembledRelease } from './assembled-release.ts';
import { buildExecutable, guardPath, packTarget } from './build.ts';
import type { BuildCache } from './build-cache.ts';
import type { TrialPlace } from './compile-cache/seed.ts';
import type { Deliver } from './deliver.ts';
import type { OnEvent } from './events.ts';
import {
  type ResourceFiles,
  readResourceFiles,
  withOwnResources,
} from './executables/pe-program-resources.ts';
import { checkNatives } from './native/check-natives.ts';
import { type BuildContext, type BuildStep, BuildStepError, type OwnStepName } from './phases.ts';
import type { Runtimes } from './runtimes/resolve.ts';
import type { FindIntegrity } from './sbom/release-packages.ts';
import { stubTarget, type Target } from './targets.ts';
import { fileOfBytes, type TreeFile } from './tree.ts';

/** What our steps share and no context needs to hold. */
export interface StepTools {
  readonly cache: BuildCache;
  readonly onEvent: OnEvent;
  /** The runtimes of all targets, fetched at the first call. */
  readonly runtimes: () => Promise<Runtimes>;
  /** Also tells of what it finds. */
  readonly addons: FindAddons;
  readonly deliver: Deliver;
  /** Stand in for `pack` and `write` where another engine makes the executables. */
  readonly engine?: Pick<Record<OwnStepName, BuildStep>, 'pack' | 'write'> | undefined;
  /** What lock files say of the archives of npm packages. */
  readonly integrity: () => Promise<FindIntegrity>;
  /** Where a trial run of the program takes place, and what ends it. */
  readonly trial: TrialPlace;
}

/** The steps of `DEFAULT_PHASES`. */
export function ownSteps({
  cache,
  onEvent,
  runtimes,
  addons,
  deliver,
  engine,
  integrity,
  trial,
}: StepTools): Readonly<Record<OwnStepName, BuildStep>> {
  const started = new Map<string, number>();
  return {
    runtime: async (context) => {
      const { name } = context.target;
      const found = await runtimes();
      const runtime = found.runtimes.get(name);
      if (runtime === undefined) throw found.failures.get(name);
      return { ...context, runtime };
    },
    resources: async (context) =>
      context.target.os === 'win'
        ? { ...context, resources: await readResourceFiles(context.settings) }
        : context,
    addons: async (context) => {
      const { release, target, runtime, settings } = context;
      const packages = releasePackages(release.directory, release.packages);
      const question = { target, runtime, settings: settings.addons };
      const { without, files } = await addons(packages, question);
      return {
        ...context,
        without: [...context.without, ...without],
        files: [...context.files, ...files],
      };
    },
    files: async (context) => ({ ...context, files: [...context.files, ...(await ownFiles(context))] }),
    check: async (context) => {
      const runtime = required(context.runtime, context, 'a runtime', 'fetch', 'runtime');
      return { ...context, ...(await checkNatives({ ...context, runtime }, onEvent)) };
    },
    pack: async (context) => {
      started.set(context.target.name, performance.now());
      const runtime = required(context.runtime, context, 'a runtime', 'fetch', 'runtime');
      return {
        ...context,
        packed: await packTarget({ ...context, runtime }, cache, onEvent, await integrity(), trial),
      };
    },
    write: async (context) => {
      const { target, release } = context;
      const packed = required(context.packed, context, 'a payload', 'build', 'pack');
      const resources = resourcesOf(context);
      const artifacts = [...context.artifacts];
      for (const program of Object.keys(release.entries)) {
        const executable = await buildExecutable({ ...context, resources }, packed, program);
        const delivered = await deliver(context, program, executable.contents);
        const milliseconds = performance.now() - (started.get(target.name) ?? performance.now());
        const { id } = executable;
        // A signature is the stub's.
        const stub = executable.parts.stub + delivered.bytes - executable.size;
        const parts = { ...executable.parts, stub };
        onEvent({ type: 'artifact', target: target.name, ...delivered });
        artifacts.push({ ...delivered, target: target.name, name: program, id, parts, milliseconds });
      }
      return { ...context, artifacts };
    },
    ...engine,
  };
}

/** Throws BuildStepError where the user's own list of steps left something out. */
function required<Value>(
  value: Value | undefined,
  { target }: BuildContext,
  what: string,
  phase: string,
  step: string,
): Value {
  if (value !== undefined) return value;
  throw new BuildStepError(
    'STEP_MISSING',
    `The build of ${target.name} has no ${what.replace(/^a /, '')}: wrap.phases.${phase} needs the step "${step}", or one that returns ${what}.`,
  );
}

/** Throws BuildStepError where Windows would show nothing of a program. */
function resourcesOf(context: BuildContext): ResourceFiles | undefined {
  if (context.target.os !== 'win') return undefined;
  return required(context.resources, context, 'resources', 'patch', 'resources');
}

/** What an install has and an assembled release has not. */
async function ownFiles(context: BuildContext): Promise<readonly TreeFile[]> {
  const { release, target } = context;
  const guard = await readFile(fileURLToPath(new URL('./guard.cjs', import.meta.url)));
  // The runtime lies in a directory of its own.
  const start = JSON.stringify({ version: release.version, runtime: null }, null, 2);
  const files = [
    fileOfBytes(guardPath(release), guard),
    fileOfBytes('releases/start.json', Buffer.from(`${start}\n`)),
  ];
  if (release.kind !== 'service') return files;
  const launcher = await readFile(launcherPath(stubTarget(target)));
  // It speaks to consoles and the service manager, whatever the program does.
  const resources = resourcesOf(context);
  const shown = await withOwnResources(launcher, { ...context, resources }, release.name, 'console');
  return [...files, fileOfBytes(placeOfLauncher(release, target), shown, 0o755)];
}

function placeOfLauncher({ name, version }: AssembledRelease, target: Target): string {
  return target.os === 'win' ? `bin/${name}.exe` : `releases/${version}/launcher`;
}
