import { nearest } from '../nearest.ts';
import type { CheckResult } from '../release.ts';
import type { Checked } from './checks.ts';

/** Configuration of an application that the release does not have reaches nobody: most often a slip. */
export function checkConfigured({ release, installation, configuration }: Checked): CheckResult {
  const known = new Set([release.name, ...[...installation.packages.values()].map(({ name }) => name)]);
  return Object.keys(configuration)
    .filter((application) => !known.has(application))
    .map((application) => {
      const meant = nearest(application, [...known]);
      return {
        level: 'warning' as const,
        message:
          `The configuration names the application "${application}", which the release ${release.name} does not have.` +
          (meant === undefined ? '' : ` Did you mean "${meant}"?`),
      };
    });
}
