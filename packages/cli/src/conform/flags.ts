import type { Flags } from '../command.ts';
import { definitionFlags, projectFlags, shownFlags, text, toggle } from '../flags.ts';

const WHICH = 'What of it:';

/** What `conform new` has besides; likewise the others. */
export const ofNew = { force: toggle(WHICH, 'new: replace the schema that is there') };

export const ofConfigure = {
  out: text(WHICH, 'configure, effective: where to [config/NAME.ENV.conf; the screen]', 'o'),
};

export const ofEffective = {
  ...ofConfigure,
  conf: text(WHICH, 'effective: the .conf [config/NAME.ENV.conf, else config/NAME.conf]'),
  app: text(WHICH, 'effective: only of this application'),
  key: { ...text(WHICH, 'effective: only this value, or what lies below it'), conflicts: 'app' },
  json: toggle(WHICH, 'effective: as JSON'),
} as const;

/** Of all actions together. */
export const flags = {
  ...projectFlags,
  ...definitionFlags,
  schema: text(WHICH, 'The schema [that of configProviders, else config/NAME.schema.ts]'),
  ...ofNew,
  ...ofEffective,
  quiet: shownFlags.quiet,
  verbose: shownFlags.verbose,
} as const;

export type ConformFlags = Flags<typeof flags>;
