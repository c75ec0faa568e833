import type { Configuration } from '@sarma/app';
import { loadConfiguration } from '../configuration.ts';
import { type ConfigurationDifference, compareConfigurations } from '../configuration-changes.ts';
import { BootError } from '../error.ts';
import { errorText } from '../error-text.ts';
import { refuseUnderWay } from '../upgrade/under-way.ts';
import type { ReloadableNode, RunningVersion } from './reloadable-node.ts';

/** Rejects and changes nothing where there is no new one; rejects once all were told where some failed to take it. */
export async function reloadConfiguration(
  node: ReloadableNode,
): Promise<{ readonly changed: readonly string[] }> {
  if (node.handover !== undefined) refuseUnderWay(node, 'given a new configuration');
  const before = node.current;
  const configuration = await loadConfiguration(before.boot, before.environment, { isReload: true });
  node.exchange({ ...before, configuration });
  const differences = compareConfigurations(before.configuration, configuration);
  const failures = await tellAll(node.current, differences);
  if (failures.length > 0) throw new BootError('CONFIG_CHANGE_FAILED', failures.join('\n'));
  const changed = differences.flatMap((one) =>
    [...Object.keys(one.changed), ...one.removed].map((key) => `${one.application}.${key}`),
  );
  return { changed };
}

/** Tells the applications what is different from `before`; resolves to what failed of it. */
export async function tellDifferences(
  version: RunningVersion,
  before: Configuration,
  tells: (application: string) => boolean,
): Promise<readonly string[]> {
  const differences = compareConfigurations(before, version.configuration);
  return await tellAll(
    version,
    differences.filter(({ application }) => tells(application)),
  );
}

async function tellAll(
  version: RunningVersion,
  differences: readonly ConfigurationDifference[],
): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const difference of differences)
    await tell(version, difference).catch((error) => failures.push(errorText(error)));
  return failures;
}

async function tell(
  { applications }: RunningVersion,
  { application, config, changed, removed }: ConfigurationDifference,
): Promise<void> {
  try {
    await applications.get(application)?.changeConfiguration(config, changed, removed);
  } catch (cause) {
    throw new BootError(
      'CONFIG_CHANGE_FAILED',
      `Application ${application} failed to take its new configuration.`,
      { cause },
    );
  }
}
