import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { defineProvider } from '../configuration.ts';
import { AppError } from '../error.ts';

export interface JsonOptions {
  /** Relative to `RELEASE_CONFIG_DIR`, or without one to the state directory. `${VAR}` in it is replaced, and must be set. */
  readonly path: string;
  /** A file that is not there is an empty one. Default: false. */
  readonly optional?: boolean;
}

/** The provider `@sarma/app/providers/json`: a JSON file of the host, application → key → value. */
export default defineProvider<JsonOptions>({
  init(options) {
    if (typeof options?.path !== 'string' || options.path === '') {
      throw new AppError('PROVIDER_OPTIONS', "The JSON provider needs options: { path: 'file.json' }.");
    }
    return { path: options.path, optional: options.optional ?? false };
  },

  async load(_configuration, { path: name, optional }, { configDirectory }) {
    const file = path.resolve(configDirectory, withVariables(name));
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw error;
    }
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new AppError('NO_JSON', `${file} is no JSON: ${(cause as Error).message}`, { cause });
    }
  },
});

function withVariables(name: string): string {
  return name.replace(/\$\{(\w+)\}/g, (_, variable: string) => {
    const value = process.env[variable];
    if (value) return value;
    const problem = value === '' ? 'empty' : 'not set';
    throw new AppError('VARIABLE_NOT_SET', `${name} needs the variable ${variable}, which is ${problem}.`);
  });
}
