import { nearest } from '@sarma/app/internal';
import { attempt, ReleaseError } from '../error.ts';
import { checkRelease } from './check.ts';
import type { ConfigFile } from './config-file.ts';
import { merge } from './merge.ts';
import type { ReleaseConfig } from './sarma-config.ts';

/**
 * The name of the release that is meant; undefined where the configuration has none. Throws ReleaseError
 * UNKNOWN_RELEASE or SEVERAL_RELEASES.
 */
export function chooseRelease({ file, config }: ConfigFile, wanted: string | undefined): string | undefined {
  const names = Object.keys(config.releases ?? {});
  if (names.length === 0) return undefined;
  const chosen = wanted ?? config.defaultRelease ?? (names.length === 1 ? names[0]! : undefined);
  if (chosen === undefined)
    throw new ReleaseError(
      'SEVERAL_RELEASES',
      `${file} has several releases: ${names.join(', ')}. Choose with --release ${names[0]}, or write defaultRelease.`,
    );
  if (names.includes(chosen)) return chosen;
  throw unknownRelease(chosen, names, wanted === undefined ? `defaultRelease in ${file}` : file);
}

function unknownRelease(name: string, names: readonly string[], where: string): ReleaseError {
  const near = nearest(name, names);
  return new ReleaseError(
    'UNKNOWN_RELEASE',
    `${where}: there is no release "${name}"; the releases are ${names.join(', ')}.` +
      (near === undefined ? '' : ` Did you mean "${near}"?`),
  );
}

/**
 * What the configuration says of one release, with what it extends, and nothing that is shared. Of releases that are
 * functions only those needed are called. Throws ReleaseError.
 */
export async function readRelease(
  configFile: ConfigFile,
  name: string,
  environment: string,
  extenders: readonly string[] = [],
): Promise<ReleaseConfig> {
  const { file, at, config } = configFile;
  const chain = [...extenders, name];
  if (extenders.includes(name))
    throw new ReleaseError('CONFIG_INVALID', `${file}: the releases ${chain.join(' → ')} extend each other.`);
  const names = Object.keys(config.releases ?? {});
  if (!names.includes(name)) throw unknownRelease(name, names, `extend of ${extenders.at(-1)} in ${file}`);
  const given = config.releases![name]!;
  const called = async (make: Extract<typeof given, (...args: never) => unknown>): Promise<ReleaseConfig> => {
    const value = await attempt('CONFIG_FAILED', `releases.${name} in ${file}`, () => make({ environment }));
    return await checkRelease(value, file, [...at, 'releases', name]);
  };
  const release = typeof given === 'function' ? await called(given) : given;
  if (release.extend === undefined) return release;
  return merge(await readRelease(configFile, release.extend, environment, chain), release);
}
