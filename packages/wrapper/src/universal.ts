import type { Artifact } from './artifact.ts';
import type { AssembledRelease } from './assembled-release.ts';
import { type Contents, contentSize } from './contents.ts';
import type { Deliver } from './deliver.ts';
import type { OnEvent, WrapEvent } from './events.ts';
import { joinSlices } from './executables/fat.ts';
import type { BuildContext } from './phases.ts';
import type { ExecutableSettings } from './settings.ts';
import type { Target } from './targets.ts';

/** The executables of a universal target's slices cannot be one program. */
export class UniversalError extends Error {
  override readonly name = 'UniversalError';
  readonly code = 'SLICES_DIFFER';
}

/** Throws UniversalError when the slices got different versions of Node: a program is one on both CPUs. */
export function checkOneRuntime({ name }: Target, slices: readonly BuildContext[]): void {
  const versions = new Set(slices.map(({ runtime }) => runtime?.version));
  if (versions.size <= 1) return;
  const list = slices.map(({ target, runtime }) => `${target.name} ${runtime?.version}`).join(', ');
  throw new UniversalError(
    `${name} needs one version of Node for all its slices, and there is ${list}. ` +
      'Name a version that all have with --runtime.',
  );
}

/** Keeps the executables that are built for the slices of a universal target until they can be joined. */
export interface SliceJoiner {
  /** Stands in for the one that writes a file. */
  readonly keep: Deliver;
  /** What the build of a slice tells, told of the universal target. */
  readonly onEvent: OnEvent;
  /** One file per program, of what was kept of it. `artifacts` are those of the slices. */
  readonly join: (artifacts: readonly Artifact[]) => Promise<readonly Artifact[]>;
}

/** Whoever built the slices in another way than by our step `write` has artifacts of their own, which stay. */
export function sliceJoiner(
  target: Target,
  release: AssembledRelease,
  settings: ExecutableSettings,
  fileOf: (program: string, target: Target) => string,
  deliver: Deliver,
  onEvent: OnEvent,
): SliceJoiner {
  const kept = new Map<string, Contents[]>();
  let phase = '';
  return {
    keep: async (_build, program, contents) => {
      kept.set(program, [...(kept.get(program) ?? []), contents]);
      return { file: fileOf(program, target), bytes: contentSize(contents), replaced: false, sidecars: [] };
    },
    onEvent: (event) => {
      if (event.type === 'artifact') return;
      // Both slices pass through it, side by side.
      if (event.type === 'phase' && event.phase === phase) return;
      if (event.type === 'phase') phase = event.phase;
      onEvent(of(target, event));
    },
    join: async (artifacts) => {
      const joined: Artifact[] = [];
      for (const [program, slices] of kept) {
        const whole = await deliver({ target, release, settings }, program, joinSlices(slices));
        onEvent({ type: 'artifact', target: target.name, ...whole });
        const parts = artifacts.filter(({ name, file }) => name === program && file === whole.file);
        joined.push({ ...sumOf(parts, whole.bytes), ...whole, target: target.name, name: program });
      }
      return [...joined, ...artifacts.filter(({ name }) => !kept.has(name))];
    },
  };
}

/** What is told of a slice is told of the universal target, unless the slice is also built for itself. */
export function sliceEvents(targets: readonly Target[], onEvent: OnEvent): OnEvent {
  return (event) => {
    const name = 'target' in event ? event.target : undefined;
    const universal = targets.find(({ slices }) => slices?.some((slice) => slice.name === name));
    const isBuilt = targets.some((target) => target.name === name);
    onEvent(universal === undefined || isBuilt ? event : of(universal, event));
  };
}

function of({ name }: Target, event: WrapEvent): WrapEvent {
  return 'target' in event && event.target !== undefined ? { ...event, target: name } : event;
}

/** Every slice has an id and an install of its own. What is neither of them is counted as stub. */
function sumOf(slices: readonly Artifact[], bytes: number): Pick<Artifact, 'id' | 'parts' | 'milliseconds'> {
  const sum = (number: (slice: Artifact) => number) => slices.reduce((total, one) => total + number(one), 0);
  const runtime = sum(({ parts }) => parts.runtime);
  const release = sum(({ parts }) => parts.release);
  const manifest = sum(({ parts }) => parts.manifest);
  return {
    id: slices.map(({ id }) => id).join('+'),
    parts: { stub: bytes - runtime - release - manifest, runtime, release, manifest },
    milliseconds: sum(({ milliseconds }) => milliseconds),
  };
}
