import { type Compression, defaultRange, loadTargets, type Outcome, wrap } from '@sarma/wrapper';
import { type AssembleOptions, assembleReported, loadReported } from './assemble-project.ts';
import { chooseTargets, type TargetChoice } from './choose-targets.ts';

/** What decides a build. Every key but `project` has a default. */
export interface BuildOptions extends AssembleOptions, TargetChoice {
  /** Version, range, path or URL of the runtime. Default: `engines.node` where it narrows, else the wrapper's. */
  readonly runtime?: string | undefined;
  /** Lets targets have different versions of the runtime. */
  readonly perTarget?: boolean | undefined;
  /** Default: `balanced` for this machine, else `best`. */
  readonly compression?: Compression | undefined;
  readonly offline?: boolean | undefined;
  readonly frozen?: boolean | undefined;
  /** How many targets are built at once. Default: 2. */
  readonly jobs?: number | undefined;
}

/**
 * Project → release → assembled release → one executable per program and target. A target that fails does not take the
 * others with it: its outcome holds the error. Throws ReleaseError, UnknownTargetError, and what `wrap` of the wrapper
 * throws.
 */
export async function build(options: BuildOptions): Promise<readonly Outcome[]> {
  const started = performance.now();
  const onEvent = options.onEvent ?? (() => {});
  const release = await loadReported(options);
  const matrix = await loadTargets(release.project);
  const { targets, isHost, byDefault } = chooseTargets(matrix, options, process.env);
  const names = targets.map(({ name }) => name);
  if (byDefault) {
    const message = `For this machine (${names[0]}); --target all is for all ${matrix.size} targets.`;
    onEvent({ type: 'notice', level: 'info', message });
  }
  const assembled = await assembleReported(release, onEvent);
  onEvent({ type: 'targets', targets: names });
  const range = options.runtime ?? defaultRange(release.manifest.engines?.node);
  const outcomes = await wrap({
    directory: assembled.path,
    targets,
    compression: options.compression ?? (isHost ? 'balanced' : 'best'),
    output: options.output ?? release.output,
    project: release.project,
    offline: options.offline ?? false,
    frozen: options.frozen ?? false,
    perTarget: options.perTarget ?? false,
    range,
    ...(options.jobs !== undefined && { jobs: options.jobs }),
    onEvent,
  });
  const artifacts = outcomes.flatMap((outcome) => ('error' in outcome ? [] : outcome.artifacts));
  onEvent({ type: 'finished', artifacts, milliseconds: performance.now() - started });
  return outcomes;
}
