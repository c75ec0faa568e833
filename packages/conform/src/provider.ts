import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineProvider } from '@sarma/app';
import { schemaName } from '@sarma/app/internal';
import { needConf, readConf } from './conf-text.ts';
import { ConformError, describeProblem } from './error.ts';
import type { Schema } from './schema.ts';
import { inSchema, schemaOf } from './schema-of.ts';
import { shippedFiles } from './shipped.ts';
import { describeSource } from './source.ts';
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
    if (files.length === 0 || !files.every((file) => typeof file === 'string' && file !== ''))
      throw refused("the provider needs options: { schema: 'config/kv.schema.ts' }");
    const confs = files.map((file) => `${schemaName(file)}.conf`);
    const twice = confs.find((name, index) => confs.indexOf(name) !== index);
    if (twice !== undefined)
      throw refused(`two schemas would have the file ${twice}; call one of them differently`);
    return { schemas: files.map((file) => `${path.parse(file).name}.mjs`), confs };
  },

  async load(below, state, { configDirectory, directory, onSource }) {
    const schemas = filesOf('CONFORM_SCHEMA_PATH') ?? state.schemas.map((name) => path.join(directory, name));
    const confs =
      filesOf('CONFORM_CONF_PATH')?.map((file) => needConf(file)) ??
      state.confs.map((name) => {
        const own = path.join(configDirectory, name);
        return readConf(own) ?? readConf(path.join(directory, name)) ?? { file: own, lines: [] };
      });
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

function refused(message: string): ConformError {
  return new ConformError('CONFORM_SCHEMA', [{ message }]);
}

/** The files that a variable names; undefined where it is not set. */
function filesOf(variable: string): readonly string[] | undefined {
  const value = process.env[variable];
  return value ? value.split(path.delimiter).map((file) => path.resolve(file)) : undefined;
}

async function importSchema(file: string): Promise<Schema> {
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(file).href).catch(
    (cause: unknown) => {
      // A schema says itself what is wrong with it.
      if ((cause as Error)?.name === 'ConformError') throw inSchema(file, cause);
      const message = `the schema cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new ConformError('CONFORM_FILE', [{ file, message }], { cause });
    },
  );
  return schemaOf(module, file);
}
