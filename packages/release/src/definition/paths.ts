import { existsSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from '../error.ts';
import { isFile } from '../tree.ts';

/** Makes the paths of one release's configuration absolute. */
export interface ConfigPaths {
  /** A file or folder that a key names and that must be there. Throws ReleaseError CONFIG_PATH. */
  required(key: string, given: string): string;
  /** The same where the key is set, else the first of `defaults` that is there. */
  orDefault(key: string, given: string | false | undefined, defaults: readonly string[]): string | undefined;
  /** A module that a key names: a file of the project as its path, anything else is a package and stays. */
  module(key: string, given: string): string;
}

/** `where` names the configuration in messages. */
export function configPaths(project: string, where: string): ConfigPaths {
  const required = (key: string, given: string): string => {
    const file = path.resolve(project, given);
    if (existsSync(file)) return file;
    throw new ReleaseError(
      'CONFIG_PATH',
      `${where}: ${key} says ${given}, but ${file} does not exist. Correct the path, or take the key away.`,
    );
  };
  return {
    required,
    orDefault: (key, given, defaults) => {
      if (given === false) return undefined;
      if (given !== undefined) return required(key, given);
      return defaults.map((name) => path.join(project, name)).find((file) => existsSync(file));
    },
    module: (key, given) => {
      if (isFile(path.resolve(project, given))) return path.resolve(project, given);
      return /^\.{0,2}\//.test(given) || path.isAbsolute(given) ? required(key, given) : given;
    },
  };
}
