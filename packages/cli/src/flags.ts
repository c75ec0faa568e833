import type { Options } from 'yargs';
import type { Flags } from './command.ts';

// The flags that commands share, by what they decide. Each is a group of its own in `--help`.

const WHAT = 'What to build:';
const HOW = 'How:';
const SHOWN = 'What is shown:';

export const text = (group: string, description: string, alias?: string) =>
  ({
    group,
    description,
    type: 'string',
    requiresArg: true,
    ...(alias && { alias }),
  }) as const satisfies Options;

export const toggle = (group: string, description: string, alias?: string) =>
  ({ group, description, type: 'boolean', ...(alias && { alias }) }) as const satisfies Options;

/** May be repeated, and takes `a,b,c`. */
const list = (group: string, description: string, alias?: string) =>
  ({
    group,
    description,
    type: 'string',
    array: true,
    requiresArg: true,
    coerce: (values: readonly string[]): string[] =>
      values.flatMap((value) => value.split(',')).filter((value) => value !== ''),
    ...(alias && { alias }),
  }) as const satisfies Options;

export const projectFlags = {
  project: text(WHAT, 'The folder of the project, another way'),
  workspace: text(WHAT, 'The workspace of that name', 'w'),
};

/** What a build, `fetch` and `targets` read of the configuration. */
export const definitionFlags = {
  release: text(WHAT, 'Which release of the configuration'),
  env: text(WHAT, 'The environment [$SARMA_ENV, else defaultEnvironment, else prod]'),
};

export const releaseFlags = {
  ...definitionFlags,
  entry: text(WHAT, 'The file to start, instead of what package.json says'),
  bin: list(WHAT, 'Which of several programs (repeatable, or a,b)'),
  'release-version': text(WHAT, 'The version, instead of that of package.json'),
  code: { ...text(HOW, 'copy (files as they are) or bundle (one per program)'), choices: ['copy', 'bundle'] },
  'build-snapshot': toggle(HOW, 'Start from a start-up snapshot [wrap.snapshot]'),
  'release-dir': text(HOW, 'Where to assemble [_build/ENV/rel/NAME]'),
} as const;

/** The same for `run` and `eval`. */
export const runFlags = {
  release: definitionFlags.release,
  env: text(WHAT, 'The environment [$SARMA_ENV, else dev]'),
};

/** What the steps `appup` and `relup` lead from. */
export const upgradeFlags = {
  'upgrade-from': list(
    WHAT,
    'Version, directory or tar that the steps appup and relup lead from [upgradeFrom]',
  ),
};

export const targetFlags = {
  target: list(WHAT, 'For which target (repeatable, or a,b, or all)', 't'),
  current: { ...toggle(WHAT, 'For this machine'), conflicts: 'target' },
};

export const runtimeFlags = {
  runtime: text(HOW, 'Version, range, path or URL of Node'),
  'per-target': toggle(HOW, 'Let targets have different versions of Node'),
  offline: toggle(HOW, 'Do not use the network'),
  frozen: toggle(HOW, 'Fail if sarma.lock.json would change'),
};

/** What `targetFlags` and `runtimeFlags` say, as a build takes it. */
export function runtimeOptionsOf(flags: Flags<typeof targetFlags & typeof runtimeFlags>) {
  const { target: targets, current, runtime, perTarget, offline, frozen } = flags;
  return { targets, current, runtime, perTarget, offline, frozen };
}

export const wrapFlags = {
  out: text(HOW, 'A folder, or the file if one is built [burrito_out]', 'o'),
  compression: {
    ...text(HOW, 'fast, balanced, best, smallest or none [balanced for this machine, else best]'),
    choices: ['fast', 'balanced', 'best', 'smallest', 'none'],
  },
  engine: {
    ...text(HOW, 'stub (unpacks itself) or pkg (@yao-pkg/pkg, unpacks nothing) [stub]'),
    choices: ['stub', 'pkg'],
  },
  jobs: { ...text(HOW, 'How many targets at once [2]'), type: 'number' },
  verify: toggle(HOW, 'Start what was made for this machine, away from the project'),
} as const;

/** For those who know better than the check of native files. */
export const addonFlags = {
  'skip-addons': list(HOW, 'Take native files of these packages or paths as they are (repeatable)'),
};

export const shownFlags = {
  json: { ...toggle(SHOWN, 'One JSON object per event'), conflicts: 'quiet' },
  quiet: toggle(SHOWN, 'Only warnings and errors', 'q'),
  verbose: toggle(SHOWN, 'Errors with their stack'),
};

export const strictFlags = {
  'warnings-as-errors': toggle(HOW, 'Exit with 1 after a warning'),
};

/** `inspect` and `verify` have nothing to be quiet about. */
export const answerFlags = {
  json: toggle(SHOWN, 'The answer as JSON'),
  verbose: shownFlags.verbose,
};
