import path from 'node:path';
import { attempt, ReleaseError } from '../error.ts';
import { isFile } from '../tree.ts';
import { checkConfig } from './check.ts';
import type { Project } from './project.ts';
import type { ConfigContext, SarmaConfig } from './sarma-config.ts';

const names = ['ts', 'mts', 'js', 'mjs', 'cjs', 'json'].map((extension) => `sarma.config.${extension}`);

/** A configuration and where it stands. */
export interface ConfigFile {
  readonly file: string;
  /** The keys that lead to it: `sarma` in `package.json`. */
  readonly at: readonly string[];
  readonly config: SarmaConfig;
}

/**
 * The configuration of a project: `sarma.config.*`, or the key `sarma` of `package.json` if that says more than where
 * the application is. Undefined where there is none. Throws ReleaseError CONFIG_FAILED or CONFIG_INVALID.
 */
export async function readConfigFile(
  { directory, manifest }: Project,
  context: ConfigContext,
  sarma: string | undefined,
): Promise<ConfigFile | undefined> {
  const { application: _, ...own } = manifest.sarma ?? {};
  const hasOwn = Object.keys(own).length > 0;
  const manifestFile = path.join(directory, 'package.json');
  const file = names.map((name) => path.join(directory, name)).find(isFile);
  if (file !== undefined && hasOwn) throw twoConfigurations(file, manifestFile);
  if (file !== undefined)
    return { file, at: [], config: await checkConfig(await evaluate(file, context, sarma), file) };
  return hasOwn
    ? { file: manifestFile, at: ['sarma'], config: await checkConfig(own, manifestFile, ['sarma']) }
    : undefined;
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
