import path from 'node:path';
import { deepMerge } from '@sarma/app/internal';
import { attempt, ReleaseError } from '../error.ts';
import { importSource } from '../import-source.ts';
import type { OnNotice, Release } from '../release.ts';
import { moduleNames } from '../sources/package.ts';
import { isFile } from '../tree.ts';
import { type VariableRead, watchEnvironment } from './build-environment.ts';
import { type Place, serialisable } from './serialisable.ts';

/** Application → key → value that JSON can hold; markers of `env()` are such values. */
export type BuildConfiguration = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * What `config/config.ts` says, with `config/<environment>.ts` laid over it where that is there. Variables that it
 * reads are warned of unless `buildEnv` names them. Throws ReleaseError BUILD_CONFIGURATION or IMPORT_FAILED.
 */
export async function readBuildConfiguration(
  release: Release,
  onNotice: OnNotice,
): Promise<BuildConfiguration> {
  const file = release.options.buildConfig;
  if (file === undefined) return {};
  const beside = environmentFile(file, release.environment);
  const configurations: BuildConfiguration[] = [];
  for (const one of beside === undefined ? [file] : [file, beside]) {
    const { result, reads } = await watchEnvironment(() => evaluate(one, release));
    warnOfReads(one, reads, release, onNotice);
    configurations.push(result);
  }
  return configurations.reduce((below, above) => deepMerge(below, above));
}

/** `config/prod.ts` beside `config/config.ts`. */
function environmentFile(file: string, environment: string): string | undefined {
  const folder = path.dirname(file);
  const reserved = [path.parse(file).name, 'runtime'];
  if (reserved.includes(environment)) return undefined;
  return moduleNames(path.join(folder, environment)).find(isFile);
}

async function evaluate(file: string, { environment }: Release): Promise<BuildConfiguration> {
  const { default: exported } = await attempt('BUILD_CONFIGURATION', file, () => importSource(file));
  if (exported === undefined)
    throw new ReleaseError(
      'BUILD_CONFIGURATION',
      `${file} has no default export. Write: export default { application: { key: 'value' } }`,
    );
  if (typeof exported !== 'function') return checked(exported, file);
  return checked(await attempt('BUILD_CONFIGURATION', file, () => exported({ environment })), file);
}

function checked(value: unknown, file: string): BuildConfiguration {
  const result = serialisable(value, ({ keys, found }) => notSerialisable(file, { keys, found }));
  const wrong = isRecord(result)
    ? Object.entries(result).find(([, keys]) => !isRecord(keys))
    : (['', result] as const);
  if (wrong === undefined) return result as BuildConfiguration;
  const [application, found] = wrong;
  throw new ReleaseError(
    'BUILD_CONFIGURATION',
    `${file}: expected an object of keys ${application === '' ? 'per application' : `for the application ${application}`}, ` +
      `found ${JSON.stringify(found)?.slice(0, 60)}. Write: { ${application || 'application'}: { key: 'value' } }`,
  );
}

function notSerialisable(file: string, { keys, found }: Place): ReleaseError {
  const [application, ...rest] = keys;
  const where =
    application === undefined
      ? 'the configuration'
      : rest.length === 0
        ? `the application ${application}`
        : `the key ${rest.join('.')} of the application ${application}`;
  return new ReleaseError(
    'BUILD_CONFIGURATION',
    `${file}: ${where} is ${found}, but what is configured when the release is built has to be JSON. ` +
      'Move it to config/runtime.ts, which is evaluated at every boot.',
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A variable means something on the machine that runs the release, and is fixed when it is read here. */
function warnOfReads(
  file: string,
  reads: readonly VariableRead[],
  { project, options }: Release,
  onNotice: OnNotice,
): void {
  const shown = path.relative(project, file).replaceAll(path.sep, '/');
  for (const { name, value } of reads) {
    if (options.buildEnv.includes(name)) continue;
    const isNumber = /^\d+$/.test(value ?? '') || /PORT$/.test(name);
    const marker = isNumber ? `env('${name}', 'integer')` : `env('${name}')`;
    const message =
      `${name} was read at build time by ${shown}; move it to config/runtime.ts or write ${marker}. ` +
      `If it is meant to be read now: buildEnv: ['${name}']`;
    onNotice({ type: 'notice', level: 'warning', message });
  }
}
