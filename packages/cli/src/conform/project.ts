import { existsSync } from 'node:fs';
import path from 'node:path';
import { inSchema, type Schema, schemaOf } from '@sarma/conform';
import { importSource, loadRelease, type Release, schemaFiles } from '@sarma/release';
import { releaseOptionsOf } from '../chosen-release.ts';
import { OWN_MODULE } from '../own-module.ts';
import { shownPath } from '../show/measures.ts';
import { UsageError } from '../usage.ts';
import type { ConformFlags } from './flags.ts';

/** A release, and the schemas of its `.conf` files. */
export interface ConformProject {
  readonly release: Release;
  /** Absolute paths: that of `--schema`, those of the configuration, or where one would be looked for. */
  readonly sources: readonly string[];
  /** Whether the configuration names the schemas. */
  readonly isConfigured: boolean;
}

/** Throws ReleaseError. */
export async function findConformProject(flags: ConformFlags): Promise<ConformProject> {
  const release = await loadRelease({ sarma: OWN_MODULE, ...(await releaseOptionsOf(flags)) });
  const configured = schemaFiles(release);
  const given = flags.schema === undefined ? undefined : path.resolve(flags.schema);
  const sources = given !== undefined ? [given] : configured.length > 0 ? configured : [standard(release)];
  return { release, sources, isConfigured: sources.every((source) => configured.includes(source)) };
}

function standard({ project, name }: Release): string {
  return path.join(project, 'config', `${name}.schema.ts`);
}

/** What the schemas export. Throws UsageError for one that is not there, and what it throws itself. */
export async function importSchemas({ release, sources }: ConformProject): Promise<readonly Schema[]> {
  const schemas: Schema[] = [];
  for (const source of sources) {
    if (!existsSync(source))
      throw new UsageError(
        `There is no ${shownPath(source)}. Make a schema of the configuration of ${release.name} ` +
          'with `sarma conform new`, or name one with --schema.',
      );
    const module = await importSource(source).catch((cause: unknown) => {
      throw inSchema(shownPath(source), cause);
    });
    schemas.push(schemaOf(module, shownPath(source)));
  }
  return schemas;
}
