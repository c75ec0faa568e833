import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ReleaseEnvironment } from '../environment.ts';
import type { CommandLine } from '../relaunch.ts';
import { makePipe } from './pipe.ts';
import type { LogSettings } from './settings.ts';

/**
 * Starts a process that outlives this one, with everything that it and its children print carried to a log by a third
 * one. `carried` resolves when all of it is in the log.
 */
export function startLogged(
  command: CommandLine,
  log: LogSettings,
  environment: ReleaseEnvironment,
): { readonly child: ChildProcess; readonly carried: Promise<unknown> } {
  const place = { cwd: environment.mutableDirectory, detached: true, windowsHide: true };
  const carrying = carrierCommand(log, environment);
  const pipe = process.platform === 'win32' ? undefined : makePipe(path.dirname(log.file));
  const carrier = spawn(carrying.file, carrying.args, {
    ...place,
    stdio: [pipe?.read ?? 'pipe', 'ignore', 'ignore'],
    env: carrying.env,
  });
  const output = pipe?.write ?? carrier.stdin!;
  const stdio: StdioOptions = ['ignore', output, output];
  const child = spawn(command.file, command.args, { ...place, stdio, env: command.env });
  pipe?.close();
  carrier.stdin?.destroy();
  carrier.unref();
  child.unref();
  return { child, carried: new Promise((resolve) => carrier.on('exit', resolve).on('error', resolve)) };
}

/** The release's launcher, which needs hardly any memory; this very program where there is none. */
function carrierCommand(log: LogSettings, { root, version, name }: ReleaseEnvironment): CommandLine {
  const limits = ['--bytes', String(log.bytes), '--files', String(log.files)];
  const [file, word] =
    process.platform === 'win32'
      ? [path.join(root, 'bin', `${name}.exe`), '--sarma-log']
      : [path.join(root, 'releases', version, 'launcher'), 'log'];
  if (existsSync(file)) return { file, args: [word, log.file, ...limits], env: process.env };
  return { file: process.execPath, args: [process.argv[1]!, 'log'], env: process.env };
}
