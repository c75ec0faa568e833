import { command, projectPositional } from '../command.ts';
import { definitionFlags, projectFlags, shownFlags, targetFlags, text, toggle } from '../flags.ts';

const WHAT = 'What to publish:';
const WHERE = 'Where to:';
const { json, quiet, verbose } = shownFlags;

export const publishCommand = command({
  name: 'publish',
  description: 'Publish the executables of a release',
  positional: projectPositional,
  flags: {
    ...projectFlags,
    ...definitionFlags,
    'release-version': text(WHAT, 'The version, instead of that of package.json'),
    target: { ...targetFlags.target, group: WHAT, description: 'Only these targets (repeatable, or a,b)' },
    out: text(WHAT, 'The folder that `wrap` has put them into [burrito_out]', 'o'),
    notes: text(WHAT, 'A file with the notes [the section of CHANGELOG.md]'),
    from: {
      ...text(WHAT, 'What an earlier run has staged, as it is'),
      conflicts: ['target', 'out', 'notes'],
    },
    to: text(WHERE, 'A folder, which gets VERSION/ and latest.json'),
    github: text(WHERE, 'OWNER/NAME on GitHub [publish.github, unless --to is given]'),
    draft: toggle(WHERE, 'Leave the release on GitHub to be published by a person'),
    clobber: toggle(WHERE, 'Replace what is published as this version'),
    'dry-run': toggle(WHERE, 'Make and check everything, and leave nothing'),
    json,
    quiet,
    verbose,
  },
  examples: [
    ['sarma publish', 'to GitHub, if publish.github says where; else to burrito_out/publish'],
    ['sarma publish --dry-run', 'what would be published'],
    ['sarma publish --to /srv/www/hello', 'to where a web server finds it'],
  ],
  run: async (flags) => {
    const { target: targets, out: output, to, github, from, notes } = flags;
    const { draft = false, clobber = false, dryRun = false } = flags;
    const [{ publish }, { releaseOptionsOf }, { publishReporter }, { interruptible }] = await Promise.all([
      import('../publish.ts'),
      import('../chosen-release.ts'),
      import('../show/publish.ts'),
      import('../interrupt.ts'),
    ]);
    const { report, close } = publishReporter(flags);
    const work = interruptible(async (checkpoint, signal) => {
      const onEvent: typeof report = (event) => {
        checkpoint();
        report(event);
      };
      const choice = { targets, output, to, github, from, notes, draft, clobber, dryRun };
      await publish({ ...(await releaseOptionsOf(flags)), ...choice, signal, onEvent });
    });
    await work.finally(close);
    return 0;
  },
});
