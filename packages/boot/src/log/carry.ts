import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import type { CommandLine } from '../relaunch.ts';
import { makePipe } from './pipe.ts';
import type { LogSettings } from './settings.ts';

/** A process that outlives this one, and the one that carries its log. */
export interface Logged {
  readonly child: ChildProcess;
  readonly carrier: ChildProcess;
  /** Resolves when all that the process and its children printed is in the log. */
  readonly carried: Promise<unknown>;
}

/** Throws BootError LOG_CARRIER where nobody could take what is printed; nothing has been started then. */
export async function startLogged(
  command: CommandLine,
  log: LogSettings,
  environment: ReleaseEnvironment,
): Promise<Logged> {
  const place = { cwd: environment.mutableDirectory, detached: true, windowsHide: true };
  const carrying = carrierCommand(log, environment);
  const pipe = process.platform === 'win32' ? undefined : makePipe(path.dirname(log.file));
  const carrier = spawn(carrying.file, carrying.args, {
    ...place,
    stdio: [pipe?.read ?? 'pipe', 'ignore', 'ignore'],
    env: carrying.env,
  });
  await once(carrier, 'spawn').catch((cause: Error) => {
    throw new BootError(
      'LOG_CARRIER',
      `${carrying.file} carries the log and cannot be run: ${cause.message}.`,
    );
  });
  const output = pipe?.write ?? carrier.stdin!;
  const stdio: StdioOptions = ['ignore', output, output];
  const child = spawn(command.file, command.args, { ...place, stdio, env: command.env });
  pipe?.close();
  carrier.stdin?.destroy();
  carrier.unref();
  child.unref();
  return { child, carrier, carried: once(carrier, 'exit') };
}

/**
 * The release's launcher, which needs hardly any memory; this very program where there is none, or where it cannot be
 * executed (the runtime is executed from memory then).
 */
function carrierCommand(log: LogSettings, { root, version, name }: ReleaseEnvironment): CommandLine {
  const limits = ['--bytes', String(log.bytes), '--files', String(log.files)];
  const [file, word] =
    process.platform === 'win32'
      ? [path.join(root, 'bin', `${name}.exe`), '--sarma-log']
      : [path.join(root, 'releases', version, 'launcher'), 'log'];
  if (isExecutable(file)) return { file, args: [word, log.file, ...limits], env: process.env };
  return { file: process.execPath, args: [process.argv[1]!, 'log'], env: process.env };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
