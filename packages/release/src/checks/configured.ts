import { nearest } from '@sarma/app/internal';
import type { CheckResult } from '../release.ts';
import { workspacesAround } from '../umbrella.ts';
import type { Checked } from './checked.ts';

/** Configuration of an application that nobody knows reaches nobody: most often a slip. */
export async function checkConfigured({
  release,
  installation,
  configuration,
}: Checked): Promise<CheckResult> {
  // Several releases of an umbrella share their configuration.
  const workspaces = await workspacesAround(release);
  const packages = [...installation.packages.values(), ...workspaces];
  const known = new Set([release.name, ...packages.map(({ name }) => name)]);
  return Object.keys(configuration)
    .filter((application) => !known.has(application))
    .map((application) => {
      const meant = nearest(application, [...known]);
      return {
        level: 'warning' as const,
        message:
          `The configuration names the application "${application}", which is no package of the release ${release.name}.` +
          (meant === undefined ? '' : ` Did you mean "${meant}"?`),
      };
    });
}
