import {
  type ApplicationChange,
  type DescribedVersion,
  planReload,
  type ReloadPlan,
  type UpgradeInstruction,
} from '@sarma/boot';
import { ReleaseError } from '../error.ts';
import type { Appup } from './appup-file.ts';

/** What two versions come to, application by application. */
export interface Draft {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Of the changed applications, in the order in which they start. */
  readonly appups: readonly Appup[];
  /** Why nothing can be done in the running process: sentences. */
  readonly obstacles: readonly string[];
  /** Applications that would be stopped, since they export no `codeChange`. */
  readonly withoutCodeChange: readonly string[];
  /** Package → what becomes of its version, for those that change. */
  readonly packages: ReadonlyMap<string, string>;
}

/**
 * Computed from what both versions say of themselves; nothing of them is run. Throws ReleaseError APPUP_NOTHING for two
 * that have the same version.
 */
export function draftAppups(before: DescribedVersion, after: DescribedVersion): Draft {
  if (before.release.version === after.release.version) throw sameVersion(after);
  const up = planReload(before, after);
  const down = planReload(after, before);
  const { name, from, to, obstacles } = up;
  const changed = up.applications.filter(({ change }) => change !== 'none');
  const appups = changed.map(({ name: app }) => ({
    app,
    from,
    to,
    up: instructionsFor(app, up, after),
    down: instructionsFor(app, down, before),
  }));
  return {
    name,
    from,
    to,
    appups,
    obstacles: obstacles.map(({ message }) => message),
    withoutCodeChange: changed.filter(({ change }) => change === 'restart').map((one) => one.name),
    packages: new Map(up.packages.map((one) => [one.name, versionChange(one.from, one.to)])),
  };
}

function sameVersion({ release: { name, version } }: DescribedVersion): ReleaseError {
  return new ReleaseError(
    'APPUP_NOTHING',
    `Both are ${name} ${version}, and a running node takes another version only. Raise the version of the new one, or name an earlier one to upgrade from.`,
  );
}

function versionChange(from: string | null, to: string | null): string {
  if (from === null) return `${to}, new`;
  if (to === null) return `${from}, gone`;
  return from === to ? `${to}, changed` : `${from} → ${to}`;
}

/**
 * The default of an application whose state cannot be carried over is the new version beside the old one, which no
 * client notices; a person may decide that it is stopped and started instead.
 */
function instructionsFor(
  app: string,
  plan: ReloadPlan,
  after: DescribedVersion,
): readonly UpgradeInstruction[] {
  const { change } = plan.applications.find(({ name }) => name === app)!;
  if (plan.obstacles.length > 0 || change === 'restart') return ['restart_node'];
  return [...loads(app, plan, after), ...ownInstruction(app, change)];
}

function ownInstruction(app: string, change: ApplicationChange['change']): readonly UpgradeInstruction[] {
  switch (change) {
    case 'reload':
      return [{ reload: app }];
    case 'start':
      return [{ start: app }];
    case 'stop':
      return [{ stop: app }];
    case 'load':
      return [{ load: app }];
    default:
      return [];
  }
}

/** The changed packages that an application imports, other applications and what those import left out; needed ones first. */
function loads(
  app: string,
  plan: ReloadPlan,
  { release, boot }: DescribedVersion,
): readonly UpgradeInstruction[] {
  const byPath = new Map(release.packages.map((one) => [one.path, one]));
  const applications = new Set(boot.applications.map(({ path }) => path));
  const own = boot.applications.find(({ name }) => name === app)?.path;
  const found = new Set<string>();
  const seen = new Set(applications);
  const visit = (place: string): void => {
    for (const dependency of Object.values(byPath.get(place)?.dependencies ?? {}).sort()) {
      if (seen.has(dependency)) continue;
      seen.add(dependency);
      visit(dependency);
      const name = byPath.get(dependency)?.name;
      if (name !== undefined && !(dependency in plan.same)) found.add(name);
    }
  };
  if (own !== undefined) visit(own);
  return [...found].map((name) => ({ load: name }));
}
