import type { Fields } from '../control/request.ts';
import type { ReloadCost } from './cost.ts';
import type { ReloadPlan } from './plan.ts';

/** What the control method `reload` is asked for. */
export interface ReloadRequest {
  readonly version: string;
  /** Absolute: holds `lib/` and `releases/<version>/`. */
  readonly root: string;
  /** The executable that it was unpacked from; null for a directory. */
  readonly executable: string | null;
  /** The Node that it comes with, as in `24.21.0`. */
  readonly runtime: string | null;
  /** Changed applications without `codeChange` are stopped and started. */
  readonly restartChanged: boolean;
  /** Whether plain starts are to start it, too. */
  readonly isPermanent: boolean;
  /** Only says what would be done. */
  readonly dryRun: boolean;
}

export const RELOAD_FIELDS: Fields<ReloadRequest> = {
  version: ['string'],
  root: ['string'],
  executable: ['string', 'null'],
  runtime: ['string', 'null'],
  restartChanged: ['boolean'],
  isPermanent: ['boolean'],
  dryRun: ['boolean'],
};

/** A reload that was done. */
export interface ReloadRecord {
  /** ISO 8601. */
  readonly at: string;
  readonly from: string;
  readonly to: string;
  readonly cost: ReloadCost;
}

export interface ReloadResult {
  readonly plan: ReloadPlan;
  /** Undefined where it was only asked what would be done. */
  readonly record?: ReloadRecord;
  /** What failed when the new version ran already. */
  readonly problems: readonly string[];
}
