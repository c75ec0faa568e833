import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConformError, newSchema } from '@sarma/conform';
import { readBuildConfiguration } from '@sarma/release';
import { shownPath } from '../show/measures.ts';
import { warn } from '../show/messages.ts';
import type { ConformFlags } from './flags.ts';
import { findConformProject } from './project.ts';

/** `conform new`. Throws ConformError CONFORM_FILE where there is a schema already. */
export async function writeSchema(flags: ConformFlags): Promise<void> {
  const { release, sources, isConfigured } = await findConformProject(flags);
  const [source] = sources as [string];
  const configuration = await readBuildConfiguration(release, ({ level, message }) => {
    if (level === 'warning') warn(message);
  });
  const { buildConfig } = release.options;
  const from = buildConfig && slashed(path.relative(release.project, buildConfig));
  await mkdir(path.dirname(source), { recursive: true });
  await writeFile(source, newSchema(configuration, from), { flag: flags.force ? 'w' : 'wx' }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw cause;
      const message = 'is there already. --force replaces it, --schema FILE writes another one.';
      throw new ConformError('CONFORM_FILE', [{ file: shownPath(source), message }], { cause });
    },
  );
  if (flags.quiet) return;
  process.stdout.write(`wrote ${shownPath(source)}\n`);
  if (isConfigured) return;
  const schema = slashed(path.relative(release.project, source));
  process.stdout.write(
    `It counts when sarma.config.ts has: configProviders: [{ module: '@sarma/conform', options: { schema: '${schema}' } }]\n`,
  );
}

function slashed(file: string): string {
  return file.replaceAll(path.sep, '/');
}
