import { dropSymbols } from '../executables/elf.ts';
import { resign } from '../executables/macho.ts';
import { unsign } from '../executables/pe-unsign.ts';
import { keepLanguages } from '../icu/keep-languages.ts';
import type { Target } from '../targets.ts';

/** What is wanted of a runtime besides what was published. */
export interface WantedChanges {
  /** Drop the symbol table of a Linux runtime. */
  readonly strip: boolean;
  /** Whose ICU data stays, as `languagesOf` gives them; undefined: all. */
  readonly languages: readonly string[] | undefined;
}

export interface ChangedRuntime {
  readonly file: Buffer;
  /** For the manifest: what was done, in this order. */
  readonly changes: readonly string[];
}

/** What the system asks of a program that was changed; the sentence is for the manifest. */
const SIGNATURES: Readonly<Record<Target['os'], { sign(file: Buffer): Buffer; change?: string }>> = {
  linux: { sign: (file) => file },
  // The identifier that Node's own signature has.
  darwin: { sign: (file) => resign(file, 'node'), change: "ad-hoc signature instead of the vendor's" },
  win: { sign: unsign, change: "vendor's signature removed" },
};

/**
 * The runtime as it will be installed. Where nothing is asked for, one that is signed by its vendor stays byte for byte what
 * was published. Throws MalformedExecutableError and IcuDataError.
 */
export function changeRuntime(
  official: Buffer,
  { os }: Target,
  { strip, languages }: WantedChanges,
): ChangedRuntime {
  const changes: string[] = [];
  let file = official;
  if (strip && os === 'linux') {
    file = dropSymbols(file);
    if (file !== official) changes.push('symbol table dropped');
  }
  if (languages !== undefined) {
    const { sign, change } = SIGNATURES[os];
    file = sign(keepLanguages(file, languages));
    changes.push(`ICU data: ${languages.join(', ')}`, ...(change === undefined ? [] : [change]));
  }
  return { file, changes };
}
