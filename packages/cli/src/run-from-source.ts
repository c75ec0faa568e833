import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { loadRelease, type ReleaseOptions, writeSourceRelease } from '@sarma/release';
import { OWN_MODULE } from './own-module.ts';
import { warn } from './show/messages.ts';

export interface RunOptions extends ReleaseOptions {
  /** What the release is asked for, and its arguments: `start`, `start_repl`, `eval`. */
  readonly command: readonly string[];
  /** Starts anew when a file of the project changes. */
  readonly watch?: boolean | undefined;
}

/** Without `--env` and `SARMA_ENV`, whatever `defaultEnvironment` says: what runs from source is being worked on. */
const DEVELOPMENT = 'dev';

/**
 * Boots a release from the project's sources, with nothing assembled: the boot's plan is written to
 * `_build/<environment>/run/<name>`, and its state lies there too. Returns the exit code of the program, 128 and the
 * number of a signal that ended it. Throws ReleaseError.
 */
export async function runFromSource(options: RunOptions): Promise<number> {
  const environment = options.environment ?? (process.env.SARMA_ENV || DEVELOPMENT);
  const prepare = () => prepareSources({ ...options, environment });
  const { boot, project } = await prepare();
  if (options.watch !== true) return await start(boot, options.command).ended;
  return await watchProject(project, async () => start((await prepare()).boot, options.command));
}

async function prepareSources(options: ReleaseOptions & { readonly environment: string }) {
  const release = await loadRelease({ sarma: OWN_MODULE, ...options });
  const directory = path.join(release.project, '_build', options.environment, 'run', release.name);
  await writeSourceRelease(release, directory, ({ level, message }) => {
    if (level === 'warning') warn(message);
  });
  return {
    boot: path.join(directory, 'releases', release.version, 'boot.cjs'),
    project: release.project,
  };
}

interface Running {
  readonly ended: Promise<number>;
  readonly stop: () => void;
}

/** Signals reach the program; what they mean is its decision. */
function start(boot: string, command: readonly string[]): Running {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), boot, ...command], {
    stdio: 'inherit',
  });
  // A terminal sends Ctrl-C to the program by itself.
  const wait = () => {};
  const passOn = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', wait).on('SIGTERM', passOn).on('SIGHUP', passOn);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  }).finally(() => process.off('SIGINT', wait).off('SIGTERM', passOn).off('SIGHUP', passOn));
  return { ended, stop: () => child.kill('SIGTERM') };
}

/** What tools write, and nobody runs. */
const NOT_SOURCES = /(^|[/\\])(node_modules|_build|burrito_out|dist|coverage|\.[^/\\]+)([/\\]|$)/;

/** Milliseconds without a change until it counts: editors write in several steps. */
const SETTLED = 150;

/** Runs until a signal ends it, or the program ends without one of its files having changed. */
async function watchProject(project: string, run: () => Promise<Running>): Promise<number> {
  let changed = Promise.withResolvers<'changed'>();
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(project, { recursive: true }, (_event, file) => {
    if (file === null || NOT_SOURCES.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => changed.resolve('changed'), SETTLED);
  });
  try {
    for (;;) {
      const running = await run().catch((error: Error) => failedStart(error));
      const outcome = await Promise.race([changed.promise, running.ended]);
      if (outcome === 'changed') {
        running.stop();
        await running.ended;
      } else if (outcome === 0 || outcome >= 128) {
        return outcome;
      } else {
        warn(`ended with ${outcome}; it starts again when a file changes`);
        await changed.promise;
      }
      changed = Promise.withResolvers<'changed'>();
      process.stderr.write('a file changed, starting again\n');
    }
  } finally {
    watcher.close();
  }
}

/** A mistake in the sources is mended in the sources; the watch goes on. */
function failedStart(error: Error): Running {
  warn(error.message);
  return { ended: Promise.resolve(1), stop: () => {} };
}
