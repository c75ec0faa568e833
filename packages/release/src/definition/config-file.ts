import path from 'node:path';
import { nearest } from '@sarma/app/internal';
import { attempt, ReleaseError } from '../error.ts';
import type { Manifest } from '../package-json.ts';
import { moduleNames } from '../sources/package.ts';
import { isFile } from '../tree.ts';
import { checkConfig } from './check.ts';
import type { Project } from './project.ts';
import type { ConfigContext, SarmaConfig } from './sarma-config.ts';

/** A configuration and where it stands. */
export interface ConfigFile {
  readonly file: string;
  /** The keys that lead to it: `sarma` in `package.json`. */
  readonly at: readonly string[];
  readonly config: SarmaConfig;
}

/**
 * The file that the configuration of a project is in: `sarma.config.*`, or `package.json` if its key `sarma` says more
 * than where the application is. Undefined where there is none. Throws ReleaseError CONFIG_INVALID for two.
 */
export function findConfigFile({ directory, manifest }: Project): string | undefined {
  const names = [...moduleNames('sarma.config'), 'sarma.config.json'];
  const file = names.map((name) => path.join(directory, name)).find(isFile);
  if (Object.keys(ownConfig(manifest)).length === 0) return file;
  const manifestFile = path.join(directory, 'package.json');
  if (file !== undefined) throw twoConfigurations(file, manifestFile);
  return manifestFile;
}

function ownConfig({ sarma = {} }: Manifest): object {
  const { application: _, ...own } = sarma;
  return own;
}

/** Undefined where there is none. Throws ReleaseError CONFIG_FAILED or CONFIG_INVALID. */
export async function readConfigFile(
  project: Project,
  context: ConfigContext,
  sarma: string | undefined,
): Promise<ConfigFile | undefined> {
  const file = findConfigFile(project);
  if (file === undefined) return undefined;
  const isManifest = path.basename(file) === 'package.json';
  const at = isManifest ? ['sarma'] : [];
  const value = isManifest ? ownConfig(project.manifest) : await evaluate(file, context, sarma);
  if (isManifest) refuseNearlyApplication(file, Object.keys(value as object));
  return { file, at, config: await checkConfig(value, file, at) };
}

/** `application` is no key of a configuration, so that it is not among those that an unknown key is compared with. */
function refuseNearlyApplication(file: string, keys: readonly string[]): void {
  const key = keys.find((one) => nearest(one, ['application', 'applications']) === 'application');
  if (key === undefined) return;
  throw new ReleaseError(
    'CONFIG_INVALID',
    `${file}: sarma: "${key}" is no key here; did you mean "application"?`,
  );
}

function twoConfigurations(file: string, manifestFile: string): ReleaseError {
  return new ReleaseError(
    'CONFIG_INVALID',
    `${file} and the key sarma in ${manifestFile} are both configurations; only sarma.application may stay there.`,
  );
}

async function evaluate(file: string, context: ConfigContext, sarma: string | undefined): Promise<unknown> {
  const { importSource } = await import('../import-source.ts');
  const { default: value } = await attempt('CONFIG_FAILED', file, () => importSource(file, sarma));
  if (value === undefined)
    throw new ReleaseError(
      'CONFIG_INVALID',
      `${file} has no default export: export default defineConfig({ … })`,
    );
  return typeof value === 'function' ? await attempt('CONFIG_FAILED', file, () => value(context)) : value;
}
