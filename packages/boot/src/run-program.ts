import Module from 'node:module';
import path from 'node:path';
import type { BootFile } from './boot-file.ts';
import { loadConfiguration } from './configuration.ts';
import type { ReleaseEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import { moduleUrl } from './modules.ts';
import { releaseInfo, setReleaseState } from './release-state.ts';

/**
 * Runs a program that has a configuration, as its real main: what boot.json says comes before it, and then nothing
 * of the boot is left. Its environment is that of the process, untouched; every word of the command line is its own.
 */
export async function runProgram(
  boot: BootFile,
  environment: ReleaseEnvironment,
  program: string,
): Promise<undefined> {
  for (const instruction of boot.instructions) {
    if (instruction.do === 'configure') {
      const configuration = await loadConfiguration(boot, environment);
      setReleaseState(releaseInfo(environment), environment, configuration);
    } else if (instruction.do === 'preload') {
      await import(moduleUrl(environment.root, instruction.module));
    }
    // Nothing is compiled ahead: a program that is done in a moment would pay for what it never uses.
  }
  runMain(environment.root, boot, program, process.argv.slice(2));
}

/**
 * Does what Node does with the file on its command line: `require.main`, `import.meta.main` and `process.argv` are
 * those of a program that was started without us. Not in the caller's stack: what it throws is its own affair.
 */
export function runMain(root: string, boot: BootFile, program: string, args: readonly string[]): void {
  const entry = boot.programs[program];
  if (entry === undefined) {
    throw new BootError('INVALID_BOOT_FILE', `boot.json runs ${program} and does not say where it is.`);
  }
  process.argv.splice(1, process.argv.length, path.resolve(root, entry), ...args);
  setImmediate(() => Module.runMain());
}
