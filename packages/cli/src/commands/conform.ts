import { command, type Flags, projectPositional } from '../command.ts';
import { definitionFlags, projectFlags, shownFlags, text, toggle } from '../flags.ts';
import { UsageError } from '../usage.ts';

const WHICH = 'What of it:';

const ofNew = { force: toggle(WHICH, 'new: replace the schema that is there') };

const ofConfigure = {
  out: text(WHICH, 'configure, effective: where to [config/NAME.ENV.conf; the screen]', 'o'),
};

const ofEffective = {
  ...ofConfigure,
  conf: text(WHICH, 'effective: the .conf [config/NAME.ENV.conf, else config/NAME.conf]'),
  app: text(WHICH, 'effective: only of this application'),
  key: { ...text(WHICH, 'effective: only this value, or what lies below it'), conflicts: 'app' },
  json: toggle(WHICH, 'effective: as JSON'),
} as const;

const flags = {
  ...projectFlags,
  ...definitionFlags,
  schema: text(WHICH, 'The schema [that of configProviders, else config/NAME.schema.ts]'),
  ...ofNew,
  ...ofEffective,
  quiet: shownFlags.quiet,
  verbose: shownFlags.verbose,
} as const;

export type ConformFlags = Flags<typeof flags>;

const actions = {
  new: {
    own: ofNew,
    run: async (given: ConformFlags) => (await import('../conform/new.ts')).writeSchema(given),
  },
  configure: {
    own: ofConfigure,
    run: async (given: ConformFlags) => (await import('../conform/configure.ts')).writeConf(given),
  },
  effective: {
    own: ofEffective,
    run: async (given: ConformFlags) => (await import('../conform/effective.ts')).showEffective(given),
  },
};

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
    refuseForeign(action, given);
    await actions[action].run(given);
    return 0;
  },
});

/** Throws UsageError for a flag that only other actions have. */
function refuseForeign(action: keyof typeof actions, given: ConformFlags): void {
  const having = (flag: string) => Object.entries(actions).filter(([, { own }]) => flag in own);
  const foreign = Object.keys({ ...ofNew, ...ofEffective }).find(
    (flag) => given[flag] !== undefined && !(flag in actions[action].own),
  );
  if (foreign === undefined) return;
  const names = having(foreign).map(([name]) => name);
  const have = names.length > 1 ? 'have' : 'has';
  throw new UsageError(`\`conform ${action}\` has no --${foreign}; ${names.join(' and ')} ${have} it.`);
}
