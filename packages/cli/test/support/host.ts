import { loadTargets, hostTarget as ofThisMachine } from '@sarma/wrapper';

export const shippedMatrix = await loadTargets(import.meta.dirname);

/** The name of this machine's target. */
export const hostTarget = ofThisMachine(shippedMatrix).name;
