import path from 'node:path';
import type { CheckResult } from '../release.ts';
import type { Checked } from './checked.ts';

/** In bundles each application has its own copy of a module, with its own state. */
export function checkShared({ release, roots, bundles }: Checked): CheckResult {
  const modules = roots.applications.flatMap(({ installed, module }) =>
    module === undefined || !bundles.has(module)
      ? []
      : [{ name: installed.name, inside: bundles.get(module)! }],
  );
  const owners = new Map<string, string[]>();
  for (const { name, inside } of modules)
    for (const file of inside) owners.set(file, [...(owners.get(file) ?? []), name]);
  const shared = [...owners].filter(([, names]) => names.length > 1);
  if (shared.length === 0) return undefined;
  const [file, names] = shared[0]!;
  const others = shared.length > 1 ? ` and ${shared.length - 1} more` : '';
  return {
    level: 'warning',
    message:
      `${names.join(' and ')} share ${path.relative(release.project, file)}${others}, but with code: 'bundle' each gets ` +
      "a copy with a state of its own. If they meet there, write code: 'copy'.",
  };
}
