import type { CommandContext } from './context.ts';

/** A module in `commands/`. */
export interface BuiltinCode {
  /** Resolves to the exit code; undefined where the process lives on and ends by itself. */
  run(context: CommandContext): Promise<number | undefined>;
}

/** How a command of builtin.ts is run. */
export interface BuiltinEntry {
  /** Its code is loaded when it is asked for, so that a start does not pay for the others. */
  readonly load: () => Promise<BuiltinCode>;
  /** Its arguments belong to the applications: `--help` among them is not for us. */
  readonly ownArguments?: true;
  /** The node runs in this process. */
  readonly startsNode?: true;
  /** It reads or writes whole versions. */
  readonly worksMuch?: true;
}

export function findEntry(name: string): BuiltinEntry | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

const entries: Readonly<Record<string, BuiltinEntry>> = {
  start: {
    load: async () => {
      if (process.env.RELEASE_LOG_FILE) (await import('./log/synchronous.ts')).printSynchronously();
      return await import('./commands/start.ts');
    },
    ownArguments: true,
    startsNode: true,
  },
  start_repl: { load: () => import('./commands/start-repl.ts'), ownArguments: true, startsNode: true },
  daemon: { load: () => import('./commands/daemon.ts'), ownArguments: true },
  stop: { load: () => import('./commands/stop.ts') },
  restart: { load: () => import('./commands/restart.ts') },
  pid: { load: () => import('./commands/pid.ts') },
  ping: { load: () => import('./commands/ping.ts') },
  rpc: { load: () => import('./commands/rpc.ts') },
  eval: { load: () => import('./commands/eval.ts') },
  remote: { load: () => import('./commands/remote.ts') },
  attach: { load: () => import('./commands/attach.ts') },
  reload_config: { load: () => import('./commands/reload-config.ts') },
  reload: { load: () => import('./commands/reload.ts'), worksMuch: true },
  describe: { load: () => import('./commands/describe.ts') },
  config: { load: () => import('./commands/config-effective.ts') },
  doctor: { load: () => import('./commands/doctor.ts') },
  versions: { load: () => import('./commands/versions.ts') },
  unpack: { load: () => import('./commands/unpack.ts'), worksMuch: true },
  remove: { load: () => import('./commands/remove.ts') },
  service: { load: () => import('./commands/service.ts') },
  upgrade: { load: () => import('./commands/upgrade.ts'), worksMuch: true },
  downgrade: { load: () => import('./commands/downgrade.ts'), worksMuch: true },
  version: { load: () => import('./commands/version.ts') },
  help: { load: () => import('./commands/help.ts') },
  heart: { load: () => import('./commands/heart.ts'), ownArguments: true },
  hook: { load: () => import('./commands/hook.ts') },
  log: { load: () => import('./commands/log.ts') },
};
