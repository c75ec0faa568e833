import { command, projectPositional } from '../command.ts';
import { type ConformFlags, flags, ofConfigure, ofEffective, ofNew } from '../conform/flags.ts';
import { UsageError } from '../usage.ts';

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
