import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { masked, nearest } from '@sarma/app/internal';
import { type Layer, loadConfiguration } from '../configuration.ts';
import { ConfigurationSources } from '../configuration-sources.ts';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { setProcessEnvironment } from '../process-environment.ts';

/** `config effective` and `config example`. */
export async function run(context: CommandContext): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...context.args],
    allowPositionals: true,
    options: { app: { type: 'string' }, json: { type: 'boolean' }, sources: { type: 'boolean' } },
  });
  const [word] = positionals;
  if (positionals.length === 1 && word === 'effective') return await effective(context, values);
  if (positionals.length === 1 && word === 'example') return example(context);
  throw new BootError('USAGE', 'config expects the word effective or example.');
}

/** What an administrator begins with: the `.conf` files that providers of the release brought along. */
function example({ environment: { root, version, configDirectory }, stdout }: CommandContext): number {
  const directory = path.join(root, 'releases', version, 'config');
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.conf')) : [];
  if (names.length === 0)
    throw new BootError(
      'NO_EXAMPLE',
      'This release has no .conf: it is not configured by @sarma/conform. `describe` tells where its configuration comes from.',
    );
  for (const name of names) {
    if (names.length > 1) stdout.write(`# ${path.join(configDirectory, name)}\n\n`);
    stdout.write(readFileSync(path.join(directory, name), 'utf8'));
  }
  return 0;
}

interface Shown {
  readonly app?: string | undefined;
  readonly json?: boolean | undefined;
  readonly sources?: boolean | undefined;
}

/**
 * `config effective`: what the applications would get if the node started now, with `--sources` from where. Secrets are
 * masked, always.
 */
async function effective({ boot, environment, stdout }: CommandContext, values: Shown): Promise<number> {
  setProcessEnvironment(boot, environment);
  const sources = new ConfigurationSources();
  const onLayer = (layer: Layer) => sources.add(layer);
  const configuration = masked(await loadConfiguration(boot, environment, { onLayer }));
  const chosen =
    values.app === undefined ? configuration : { [values.app]: ofApplication(values.app, configuration) };
  const entries = entriesOf(chosen, sources);
  if (values.json) stdout.write(`${JSON.stringify(values.sources ? entries : chosen, null, 2)}\n`);
  else for (const entry of entries) stdout.write(`${line(entry, values.sources ?? false)}\n`);
  return 0;
}

function ofApplication<Keys>(name: string, configuration: Readonly<Record<string, Keys>>): Keys {
  if (Object.hasOwn(configuration, name)) return configuration[name]!;
  const known = Object.keys(configuration);
  const meant = nearest(name, known);
  const advice =
    meant === undefined ? `There is one for ${known.join(', ') || 'none'}.` : `Did you mean ${meant}?`;
  throw new BootError(
    'UNKNOWN_APPLICATION',
    `There is no configuration for ${JSON.stringify(name)}. ${advice}`,
  );
}

interface Entry {
  /** `application.key` */
  readonly key: string;
  readonly value: unknown;
  readonly source: string;
}

function entriesOf(
  configuration: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  sources: ConfigurationSources,
): readonly Entry[] {
  return Object.entries(configuration).flatMap(([application, keys]) =>
    Object.entries(keys).map(([key, value]) => ({
      key: `${application}.${key}`,
      value,
      source: sources.of([application, key]),
    })),
  );
}

function line({ key, value, source }: Entry, withSource: boolean): string {
  const shown = inspect(value, { depth: null, breakLength: Number.POSITIVE_INFINITY });
  return `${key} = ${shown}${withSource ? `  # ${source}` : ''}`;
}
