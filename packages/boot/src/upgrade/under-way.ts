import { BootError } from '../error.ts';
import type { RunningNode } from '../running-node.ts';

/** Throws BootError UPGRADE_UNDER_WAY where something else would get in between. `what` completes "cannot be …". */
export function refuseUnderWay(node: RunningNode, what: string): void {
  const why = underWay(node);
  if (why === undefined) return;
  throw new BootError('UPGRADE_UNDER_WAY', `${node.environment.node} cannot be ${what} now: ${why}`);
}

function underWay({ handover, predecessor, environment, isReloading }: RunningNode): string | undefined {
  if (isReloading) return 'a reload is under way. Try again when that is over.';
  if (handover !== undefined)
    return `its upgrade to ${handover.to} is under way (PID ${handover.pid}). Try again when that is over.`;
  if (predecessor === undefined) return undefined;
  return `PID ${predecessor.pid}, version ${predecessor.version}, still ends what it has begun. Try again when "${environment.prog} describe" does not name it any more.`;
}
