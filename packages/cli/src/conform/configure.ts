import { statSync } from 'node:fs';
import path from 'node:path';
import { schemaName } from '@sarma/app/internal';
import { configure, readConf } from '@sarma/conform';
import { writeWhole } from '@sarma/wrapper';
import { shownPath } from '../show/measures.ts';
import { UsageError } from '../usage.ts';
import type { ConformFlags } from './flags.ts';
import { findConformProject, importSchemas } from './project.ts';

/** `conform configure`. Throws ConformError for a file that is there and cannot be read. */
export async function writeConf(flags: ConformFlags): Promise<void> {
  const project = await findConformProject(flags);
  const schemas = await importSchemas(project);
  if (flags.out !== undefined && schemas.length > 1)
    throw new UsageError(
      `--out is one file, and ${project.release.name} has ${schemas.length} schemas. Name one of them with --schema.`,
    );
  for (const [index, schema] of schemas.entries()) {
    const source = project.sources[index]!;
    const name = schemaName(source);
    const beside = path.join(path.dirname(source), `${name}.${project.release.environment}.conf`);
    const file = path.resolve(flags.out ?? beside);
    const there = readConf(file, shownPath(file));
    await writeWhole(file, configure(schema, { name, there }), modeOf(file));
    const kept = there === undefined ? '' : '; what was set in it stays';
    if (!flags.quiet) process.stdout.write(`wrote ${shownPath(file)}${kept}\n`);
  }
}

/** A file with passwords in it that only its owner may read stays so. */
function modeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mode ?? 0o644;
}
