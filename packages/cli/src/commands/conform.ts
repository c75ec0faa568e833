import { command, type Flags, projectPositional } from '../command.ts';
import { definitionFlags, projectFlags, shownFlags } from '../flags.ts';
import { UsageError } from '../usage.ts';

const WHICH = 'What of it:';

const flags = {
  ...projectFlags,
  ...definitionFlags,
  schema: {
    group: WHICH,
    description: 'The schema [that of configProviders, else config/NAME.schema.ts]',
    type: 'string',
    requiresArg: true,
  },
  force: { group: WHICH, description: 'new: replace the schema that is there', type: 'boolean' },
  out: {
    group: WHICH,
    description: 'configure, effective: where to [config/NAME.ENV.conf; the screen]',
    type: 'string',
    requiresArg: true,
    alias: 'o',
  },
  conf: {
    group: WHICH,
    description: 'effective: the .conf [config/NAME.ENV.conf, else config/NAME.conf]',
    type: 'string',
    requiresArg: true,
  },
  app: {
    group: WHICH,
    description: 'effective: only of this application',
    type: 'string',
    requiresArg: true,
  },
  key: {
    group: WHICH,
    description: 'effective: only this value, or what lies below it',
    type: 'string',
    requiresArg: true,
    conflicts: 'app',
  },
  json: { ...shownFlags.json, description: 'effective: as JSON', conflicts: [] },
  quiet: shownFlags.quiet,
  verbose: shownFlags.verbose,
} as const;

export type ConformFlags = Flags<typeof flags>;

/** What only some of the actions know. */
const ONLY_OF = {
  force: ['new'],
  out: ['configure', 'effective'],
  conf: ['effective'],
  app: ['effective'],
  key: ['effective'],
  json: ['effective'],
} as const;

export const conformCommand = command({
  name: 'conform',
  description: 'Configuration in .conf files: a schema, a documented file, what results',
  positional: {
    name: 'action',
    description:
      'new: a schema from config/config.ts. configure: a .conf with all that may be set. effective: what results, and from where',
    required: true,
    choices: ['new', 'configure', 'effective'],
  },
  further: [projectPositional],
  flags,
  examples: [
    ['sarma conform new', 'config/config.ts → config/NAME.schema.ts'],
    ['sarma conform configure --env staging', 'the schema → config/NAME.staging.conf'],
    ['sarma conform effective --key kv.port', 'its value, and where it comes from'],
  ],
  run: async (given) => {
    const { action } = given as typeof given & { readonly action: keyof typeof actions };
    const stranger = Object.entries(ONLY_OF).find(
      ([flag, known]) =>
        given[flag as keyof typeof ONLY_OF] !== undefined && !(known as readonly string[]).includes(action),
    );
    if (stranger !== undefined)
      throw new UsageError(
        `\`conform ${action}\` has no --${stranger[0]}; ${stranger[1].join(' and ')} have it.`,
      );
    await actions[action](given);
    return 0;
  },
});

const actions = {
  new: async (given: ConformFlags) => (await import('../conform/new.ts')).writeSchema(given),
  configure: async (given: ConformFlags) => (await import('../conform/configure.ts')).writeConf(given),
  effective: async (given: ConformFlags) => (await import('../conform/effective.ts')).showEffective(given),
};
