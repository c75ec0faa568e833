import type { RelupEntry, RelupFile, UpgradeInstruction } from '@sarma/boot';
import { type AppupFile, instructionText } from './appup-file.ts';
import { appupFor } from './appup-folder.ts';
import { boundsOf, isRange, isWithin } from './ranges.ts';

/** Puts the appups that lead to a version together; `applications` are those of the release, in their order. */
export function composeRelup(
  { name, version }: { readonly name: string; readonly version: string },
  applications: readonly string[],
  appups: readonly AppupFile[],
): RelupFile {
  const versions = [...new Set(appups.map(({ from }) => from))].sort(byWidth);
  const entries = versions.map((from): RelupEntry => {
    const parts = applications.flatMap((app) => appupFor(appups, app, from) ?? []);
    return {
      version: from,
      ...(isRange(from) && { range: boundsOf(from) }),
      up: joined(parts.map(({ up }) => up)),
      down: joined(parts.map(({ down }) => down)),
    };
  });
  return { format: 1, name, version, from: entries };
}

/** Versions, then ranges, those that lie in another before it. */
function byWidth(one: string, other: string): number {
  if (!isRange(one) || !isRange(other)) return Number(isRange(one)) - Number(isRange(other));
  return Number(isWithin(other, one)) - Number(isWithin(one, other));
}

/** One after the other, each instruction once; where one wants the whole node restarted, nothing else is done. */
function joined(parts: readonly (readonly UpgradeInstruction[])[]): readonly UpgradeInstruction[] {
  const all = parts.flat();
  if (all.includes('restart_node')) return ['restart_node'];
  return [...new Map(all.map((one) => [instructionText(one), one])).values()];
}
