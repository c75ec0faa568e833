import type { Application } from '@sarma/app';
import type { RunningApplication } from '../applications.ts';
import { BootError } from '../error.ts';
import { inTime } from './in-time.ts';
import type { ApplicationChange, ReloadPlan } from './plan.ts';
import type { RunningVersion } from './reloadable-node.ts';

/** Application → what its lifecycle module exports in the version that is taken. */
export type Lifecycles = ReadonlyMap<string, Application>;

/** What the modules export, rather than what the release says of them, decides. */
export function withoutCodeChange(
  { applications }: RunningVersion,
  lifecycles: Lifecycles,
  plan: ReloadPlan,
): readonly string[] {
  return plan.applications.flatMap(({ name, change }) => {
    const running = applications.get(name);
    if (!['reload', 'restart'].includes(change) || !running?.isRunning) return [];
    return asked(running, lifecycles, plan).some((one) => one.codeChange === undefined) ? [name] : [];
  });
}

/** Whose `codeChange` is called, in order: going down, the newer code alone knows how the state looked before. */
function asked({ name, lifecycle }: RunningApplication, lifecycles: Lifecycles, { direction }: ReloadPlan) {
  const entering = lifecycles.get(name)!;
  return direction === 'upgrade' ? [entering] : [lifecycle, entering];
}

export function noCodeChange(names: readonly string[], { from, to, direction }: ReloadPlan): BootError {
  const isOne = names.length === 1;
  const who = `${isOne ? 'Application' : 'The applications'} ${names.join(', ')} ${isOne ? 'has' : 'have'}`;
  const where = direction === 'upgrade' ? `in ${to}` : `in both ${from} and ${to}`;
  return new BootError(
    'NO_CODE_CHANGE',
    `${who} changed and ${isOne ? 'exports' : 'export'} no codeChange ${where}. ` +
      'reload --restart-changed stops and starts what has none; upgrade starts the new version in a process of its own.',
  );
}

export interface ChangedStates {
  readonly values: ReadonlyMap<string, unknown>;
  /** Application → what it wants called at the exchange, in order. */
  readonly exchanges: readonly (readonly [string, () => void])[];
}

/** Where no `codeChange` waits for anything, neither does this. */
export async function changeStates(
  { applications }: RunningVersion,
  changes: readonly ApplicationChange[],
  lifecycles: Lifecycles,
  plan: ReloadPlan,
): Promise<ChangedStates> {
  const values = new Map<string, unknown>();
  const exchanges: [string, () => void][] = [];
  for (const { name, from, to } of changes) {
    const running = applications.get(name)!;
    let { value } = running;
    try {
      for (const lifecycle of asked(running, lifecycles, plan)) {
        const next = lifecycle.codeChange!(value, {
          from: from!,
          to: to!,
          direction: plan.direction,
          step: lifecycle === running.lifecycle ? 'leave' : 'enter',
          onExchange: (exchange) => void exchanges.push([name, exchange]),
        });
        value = isPromise(next) ? await inTime(`codeChange of application ${name}`, next) : next;
      }
    } catch (cause) {
      throw new BootError(
        'CODE_CHANGE_FAILED',
        `codeChange of application ${name} failed. Everything stays as it was, in version ${plan.from}.`,
        { cause },
      );
    }
    values.set(name, value);
  }
  return { values, exchanges };
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
