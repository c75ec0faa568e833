import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { PublishPlace } from '../staged-version.ts';

/** What the scripts that install a release have to know. */
export interface InstallScriptsInput {
  readonly release: { readonly name: string; readonly isService?: boolean };
  /** Names of the release's programs. */
  readonly programs: readonly string[];
  readonly place: Pick<PublishPlace, 'versions' | 'latest'>;
  /** Minisign's `RW…`; none: versions are not signed. */
  readonly publicKeys: readonly string[];
  /** Whether executables update themselves, and take the version before again. */
  readonly updates: boolean;
}

/** File name → text: the same for all versions, as long as programs, place and keys stay. */
export function installScripts(input: InstallScriptsInput): Readonly<Record<string, string>> {
  return {
    'install.sh': fill('install.sh', input, (text) => `'${text.replaceAll("'", `'\\''`)}'`),
    'install.ps1': fill('install.ps1', input, (text) => `'${text.replaceAll("'", "''")}'`),
  };
}

function fill(file: string, input: InstallScriptsInput, quote: (text: string) => string): string {
  const { release, programs, place, publicKeys, updates } = input;
  // The main program comes first: it is what the others are found beside.
  const main = programs.includes(release.name) ? [release.name] : [];
  const values: Readonly<Record<string, string>> = {
    name: release.name,
    // As the variable is called that says where an executable unpacks (NAME_INSTALL_DIR).
    // A shell has no variable whose name begins with a digit.
    variable: release.name
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]/g, '_')
      .replace(/^(?=\d)/, '_'),
    programs: [...new Set([...main, ...programs])].join(' '),
    versions: place.versions,
    latest: place.latest,
    keys: publicKeys.join(' '),
    service: release.isService === true ? 'yes' : 'no',
    updates: updates ? 'yes' : 'no',
  };
  return readFileSync(path.join(import.meta.dirname, '../../templates', file), 'utf8')
    .replaceAll(/(?<==\s?)@(\w+)@$/gm, (_, key: string) => quote(values[key]!))
    .replaceAll(/@(\w+)@/g, (_, key: string) => values[key]!);
}
