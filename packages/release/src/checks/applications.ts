import { isStarted } from '../boot/applications.ts';
import type { CheckResult } from '../release.ts';
import type { Checked } from './checked.ts';

/** What is meant to start has to say how. */
export function checkApplications({ roots }: Checked): CheckResult {
  return roots.applications
    .filter(({ mode, module }) => isStarted(mode) && module === undefined)
    .map(({ installed: { name, directory }, mode }) => ({
      level: 'warning' as const,
      message:
        `${name} is ${mode}, but ${directory}/package.json names no lifecycle module, so there is nothing to start. ` +
        'Add "sarma": { "application": "./src/application.ts" } there, or give it the mode none.',
    }));
}

/** An application that lies in the release, that nobody starts and nobody needs. */
export function checkUnstarted({ release, installation, roots: { applications } }: Checked): CheckResult {
  const planned = new Map(applications.map((one) => [one.installed, one]));
  const needed = new Set(applications.flatMap(({ dependencies }) => dependencies));
  const unstarted = [...installation.packages.values()].filter((installed) => {
    const application = planned.get(installed);
    if (application === undefined) return installed.manifest.sarma?.application !== undefined;
    return application.mode === 'none' && application.module !== undefined && !needed.has(installed.name);
  });
  return unstarted.map(({ name }) => ({
    level: 'warning' as const,
    message:
      `${name} is an application in the release ${release.name}, but nobody starts it. ` +
      `Add it to the applications: { '${name}': 'permanent' }, or leave it out of the release.`,
  }));
}
