import { inspect, parseArgs } from 'node:util';
import { masked, nearest } from '@sarma/app/internal';
import { loadConfiguration } from '../configuration.ts';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { setProcessEnvironment } from '../process-environment.ts';

/** `config effective`: what the applications would get if the node started now. Secrets are masked, always. */
export async function run({ boot, environment, args, stdout }: CommandContext): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { app: { type: 'string' }, json: { type: 'boolean' } },
  });
  if (positionals.length !== 1 || positionals[0] !== 'effective') {
    throw new BootError('USAGE', 'config expects the word effective.');
  }
  setProcessEnvironment(boot, environment);
  const configuration = masked(await loadConfiguration(boot, environment));
  const chosen =
    values.app === undefined ? configuration : { [values.app]: ofApplication(values.app, configuration) };
  if (values.json) stdout.write(`${JSON.stringify(chosen, null, 2)}\n`);
  else for (const line of lines(chosen)) stdout.write(`${line}\n`);
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

/** `application.key = value`, a line each. */
function* lines(
  configuration: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Generator<string> {
  for (const [application, keys] of Object.entries(configuration)) {
    for (const [key, value] of Object.entries(keys)) {
      yield `${application}.${key} = ${inspect(value, { depth: null, breakLength: Number.POSITIVE_INFINITY })}`;
    }
  }
}
