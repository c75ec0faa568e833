import type { Requirements } from '@sarma/wrapper';

/** The libraries a host must have, each with the newest version of its symbols that is asked for. */
export function needs({ interpreter, libraries }: Requirements): string[] {
  const named = libraries.map(({ name, versions }) => [name, newest(versions)].filter(Boolean).join(' '));
  return [...(interpreter === null ? [] : [interpreter]), ...named];
}

/** Of `GLIBC_2.9` and `GLIBC_2.28` the latter; several families stand side by side. */
function newest(versions: readonly string[]): string {
  const families = new Map<string, string>();
  for (const version of versions) {
    const family = version.replace(/_?[\d.]+$/, '');
    const known = families.get(family);
    if (known === undefined || known.localeCompare(version, 'en', { numeric: true }) < 0) {
      families.set(family, version);
    }
  }
  return [...families.values()].join(' ');
}
