import { ReleaseError } from '../error.ts';
import type { ConfigFile } from './config-file.ts';
import { isName } from './names.ts';

/** What commands mean where nobody names one: a build, and `sarma run`. They need no configuration. */
const defaults = ['prod', 'dev'];

/** The environment that `--env` or `SARMA_ENV` names. */
export function namedEnvironment(option: string | undefined): string | undefined {
  return option ?? (process.env.SARMA_ENV || undefined);
}

/**
 * The environment that is named, the configuration's default, or `prod`. Throws ReleaseError UNKNOWN_ENVIRONMENT for
 * one that is not among those configured, and for what can be no folder's name.
 */
export function chooseEnvironment(named: string | undefined, configFile: ConfigFile | undefined): string {
  const { defaultEnvironment, environments } = configFile?.config ?? {};
  const chosen = named ?? defaultEnvironment ?? 'prod';
  const known = Object.keys(environments ?? {});
  if (known.length > 0 && !defaults.includes(chosen) && !known.includes(chosen))
    throw new ReleaseError(
      'UNKNOWN_ENVIRONMENT',
      `There is no environment "${chosen}" in ${configFile!.file}; it has ${known.join(', ')}. ` +
        `Write environments: { ${chosen}: {} } if it is meant.`,
    );
  if (isName(chosen)) return chosen;
  throw new ReleaseError(
    'UNKNOWN_ENVIRONMENT',
    `"${chosen}" cannot name an environment: expected a small letter, then small letters, digits, "_" and "-".`,
  );
}
