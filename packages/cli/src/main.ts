import { readFileSync } from 'node:fs';
import { InterruptedError } from './interrupt.ts';
import { type Program, parseAndRun } from './parser.ts';
import { codeOf, showError } from './show/errors.ts';
import { writeJson } from './show/json.ts';

/** Runs the command line and returns its exit code: 0, 1 when something failed, 2 for wrong usage. */
export async function main(program: Program, argv: readonly string[]): Promise<number> {
  endQuietlyWithoutReader();
  try {
    return await parseAndRun(program, argv, ownVersion());
  } catch (error) {
    const code = codeOf(error);
    if (argv.includes('--json')) {
      writeJson({ type: 'failure', code: code ?? 'UNEXPECTED', message: (error as Error).message });
    } else {
      showError(error, { verbose: argv.includes('--verbose') });
    }
    return error instanceof InterruptedError ? error.exitCode : isUsage(code) ? 2 : 1;
  }
}

function isUsage(code: string | undefined): boolean {
  return code === 'USAGE' || code === 'UNKNOWN_TARGET';
}

/** `sarma inspect FILE | head` is no failure. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

function ownVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
