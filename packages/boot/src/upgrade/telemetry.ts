import { channel } from 'node:diagnostics_channel';
import { compareVersions } from '@sarma/app/version-order';
import type { RunningNode } from '../running-node.ts';

/** What is told of one kind of change alone. */
type Kind =
  | { readonly kind: 'upgrade' }
  | { readonly kind: 'reload'; readonly applications: readonly string[] };

/** `sarma.upgrade`, for telemetry: docs/release.md#upgrades says what is told. */
export function announcer({ boot, environment }: RunningNode, to: string, kind: Kind = { kind: 'upgrade' }) {
  const begin = performance.now();
  const { name, version: from } = boot;
  const direction = (compareVersions(from, to) ?? 0) > 0 ? 'downgrade' : 'upgrade';
  return (event: 'start' | 'end' | 'error', more: object = {}): void =>
    channel('sarma.upgrade').publish({
      ...kind,
      event,
      name,
      node: environment.node,
      from,
      to,
      direction,
      milliseconds: performance.now() - begin,
      ...more,
    });
}
