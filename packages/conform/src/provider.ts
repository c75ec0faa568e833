import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineProvider } from '@sarma/app';
import type { ConfFile } from './conf-file.ts';
import { describeSource } from './describe-source.ts';
import { ConformError, describeProblem } from './error.ts';
import { parse } from './parse.ts';
import type { Schema } from './schema.ts';
import { schemaName } from './schema-name.ts';
import { shippedFiles } from './shipped.ts';
import { translate } from './translate.ts';

export interface ConformOptions {
  /** The module whose default export is the schema, `config/kv.schema.ts`, or several; its .conf file is `kv.conf`. */
  readonly schema: string | readonly string[];
}

/** What a boot is told: names of files. */
export interface ConformState {
  readonly schemas: readonly string[];
  readonly confs: readonly string[];
}

/**
 * The provider `@sarma/conform`: .conf files of the host as configuration. A file lies in `RELEASE_CONFIG_DIR` (or the
 * state directory), else the one that the release has brought along counts; none is like an empty one. Other files:
 * `CONFORM_CONF_PATH`, and `CONFORM_SCHEMA_PATH` for the schema; several are separated as in `PATH`.
 */
export default defineProvider<ConformOptions, ConformState>({
  modules: ['schema'],

  files: shippedFiles,

  init(options) {
    const files = [options?.schema].flat();
    if (!files.every((file) => typeof file === 'string' && file !== ''))
      throw new ConformError('CONFORM_SCHEMA', [
        { message: "the provider needs options: { schema: 'config/kv.schema.ts' }" },
      ]);
    return {
      schemas: files.map((file) => `${path.parse(file).name}.mjs`),
      confs: files.map((file) => `${schemaName(file)}.conf`),
    };
  },

  async load(below, state, { configDirectory, directory, onSource }) {
    const schemas = filesOf('CONFORM_SCHEMA_PATH') ?? state.schemas.map((name) => path.join(directory, name));
    const confs =
      filesOf('CONFORM_CONF_PATH')?.map(readConf) ??
      state.confs.map((name) =>
        ownOrShipped([configDirectory, directory].map((folder) => path.join(folder, name))),
      );
    const { configuration, sources, warnings } = translate(
      confs,
      await Promise.all(schemas.map(importSchema)),
      { below },
    );
    for (const warning of warnings) process.stderr.write(`warning: ${describeProblem(warning)}\n`);
    for (const source of sources.values()) onSource?.(source.path, describeSource(source));
    return configuration as object as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  },
});

/** Reads and parses a .conf file. Throws ConformError CONFORM_FILE, CONFORM_SYNTAX. */
export function readConf(file: string): ConfFile {
  const conf = confIfThere(file);
  if (conf !== undefined) return conf;
  throw new ConformError('CONFORM_FILE', [{ file, message: 'there is no such file' }]);
}

function ownOrShipped(files: readonly string[]): ConfFile {
  for (const file of files) {
    const conf = confIfThere(file);
    if (conf !== undefined) return conf;
  }
  return { file: files[0], lines: [] };
}

function confIfThere(file: string): ConfFile | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const message = `cannot be read: ${(cause as Error).message}`;
    throw new ConformError('CONFORM_FILE', [{ file, message }], { cause });
  }
  return parse(text, file);
}

/** The files that a variable names; undefined where it is not set. */
function filesOf(variable: string): readonly string[] | undefined {
  const value = process.env[variable];
  return value ? value.split(path.delimiter).map((file) => path.resolve(file)) : undefined;
}

async function importSchema(file: string): Promise<Schema> {
  const failed = (message: string, options?: ErrorOptions) =>
    new ConformError('CONFORM_FILE', [{ file, message }], options);
  const module: { readonly default?: unknown } = await import(pathToFileURL(file).href).catch(
    (cause: unknown) => {
      // A schema says itself what is wrong with it.
      if ((cause as Error)?.name === 'ConformError') throw cause;
      throw failed(`the schema cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    },
  );
  if (module.default === undefined)
    throw failed('the schema has no default export; write: export default defineSchema({ … })');
  return module.default as Schema;
}
