/** In the environment of a start that a held node has become: the PID, which is that of both, and the holder's. */
const HELD = 'RELEASE_HELD';

/** What tells the next start in this process who holds it (docs/decisions/0034). */
export function heldBy(holder: number | undefined): NodeJS.ProcessEnv {
  return holder === undefined ? {} : { [HELD]: `${process.pid} ${holder}` };
}

/** Who holds this process; undefined where nobody does. */
export function takeHolder(): number | undefined {
  const [pid, holder] = process.env[HELD]?.split(' ') ?? [];
  delete process.env[HELD];
  // What other processes say has been inherited by somebody.
  return pid === String(process.pid) ? Number(holder) : undefined;
}
