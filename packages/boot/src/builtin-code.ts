import type { CommandContext } from './context.ts';

/** A module in `commands/`. */
export interface BuiltinCode {
  /** Resolves to the exit code; undefined where the process lives on and ends by itself. */
  run(context: CommandContext): Promise<number | undefined>;
}

/** The code of a command that builtin.ts lists: loaded when it is asked for, so that a start does not pay for the others. */
export async function loadBuiltin(name: string): Promise<BuiltinCode> {
  return await code[name]!();
}

const code: Readonly<Record<string, () => Promise<BuiltinCode>>> = {
  start: async () => {
    if (process.env.RELEASE_LOG_FILE) (await import('./log/synchronous.ts')).printSynchronously();
    return await import('./commands/start.ts');
  },
  start_repl: () => import('./commands/start-repl.ts'),
  daemon: () => import('./commands/daemon.ts'),
  stop: () => import('./commands/stop.ts'),
  restart: () => import('./commands/restart.ts'),
  pid: () => import('./commands/pid.ts'),
  ping: () => import('./commands/ping.ts'),
  rpc: () => import('./commands/rpc.ts'),
  eval: () => import('./commands/eval.ts'),
  remote: () => import('./commands/remote.ts'),
  attach: () => import('./commands/attach.ts'),
  reload_config: () => import('./commands/reload-config.ts'),
  describe: () => import('./commands/describe.ts'),
  config: () => import('./commands/config-effective.ts'),
  doctor: () => import('./commands/doctor.ts'),
  service: () => import('./commands/service.ts'),
  version: () => import('./commands/version.ts'),
  help: () => import('./commands/help.ts'),
  heart: () => import('./commands/heart.ts'),
  log: () => import('./commands/log.ts'),
};
