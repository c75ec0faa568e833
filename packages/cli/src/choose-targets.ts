import { findTarget, hostTarget, type Matrix, singleTargets, type Target } from '@sarma/wrapper';
import { codeOf } from './show/errors.ts';

export interface ChosenTargets {
  readonly targets: readonly Target[];
  /** This machine's target, and not because it was named. */
  readonly isHost: boolean;
  /** Nobody chose at all. */
  readonly byDefault: boolean;
}

export interface TargetChoice {
  /** Names, or `all`: every target but the universal ones, which are made of others. */
  readonly targets?: readonly string[] | undefined;
  readonly current?: boolean | undefined;
}

/**
 * What to build for: the named targets (`all` is every row of the matrix but the universal ones), this machine, or, if nothing is said, what
 * `SARMA_TARGET` says, what the release is configured for, this machine. Throws UnknownTargetError.
 */
export function chooseTargets(
  matrix: Matrix,
  choice: TargetChoice,
  configured: readonly string[],
  env: NodeJS.ProcessEnv,
): ChosenTargets {
  if (choice.current) return { targets: [hostTarget(matrix)], isHost: true, byDefault: false };
  const named = namedTargets(matrix, choice, configured, env);
  if (named === undefined) return { targets: [hostTarget(matrix)], isHost: true, byDefault: true };
  return { targets: named, isHost: false, byDefault: false };
}

/** Undefined where nobody names one. Throws UnknownTargetError. */
export function namedTargets(
  matrix: Matrix,
  { targets }: TargetChoice,
  configured: readonly string[],
  env: NodeJS.ProcessEnv,
): readonly Target[] | undefined {
  const names = [targets, env.SARMA_TARGET?.split(','), configured]
    .map((list) => (list ?? []).map((name) => name.trim()).filter((name) => name !== ''))
    .find((list) => list.length > 0);
  const found = names?.flatMap((name) =>
    name === 'all' ? singleTargets([...matrix.values()]) : [findTarget(matrix, name)],
  );
  return found && [...new Set(found)];
}

/** This machine's target; undefined for a machine without a row of its own, which can still build for others. */
export function knownHost(matrix: Matrix): Target | undefined {
  try {
    return hostTarget(matrix);
  } catch (error) {
    if (codeOf(error) === 'UNKNOWN_TARGET') return undefined;
    throw error;
  }
}
