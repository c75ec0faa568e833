import type { Release } from './release.ts';

/** What the executables of a release are called, before their target: a service has one, which is called as it is. */
export function executableNames({
  kind,
  name,
  entries,
}: Pick<Release, 'kind' | 'name' | 'entries'>): readonly string[] {
  return kind === 'service' ? [name] : Object.keys(entries);
}
