import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildFailure } from 'esbuild';
import type { AssembledRelease } from '../assembled-release.ts';
import type { Build } from '../build.ts';
import { type LaidOut, withLaidOut } from '../laid-out.ts';
import { type Ended, howItEnded, whatItSaid } from '../run-alone.ts';
import { hostAmong, type Target } from '../targets.ts';
import { fileOfBytes, type Tree, type TreeFile, withFiles } from '../tree.ts';

const MAIN = 'the function that is given to setDeserializeMainFunction';
const LOAD_ADDONS = `load what needs it in ${MAIN}, by require('node:module').createRequire(process.argv[1])`;

/** No start-up snapshot can be made of a program. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly code:
    | 'SNAPSHOT_RELEASE'
    | 'SNAPSHOT_TARGET'
    | 'SNAPSHOT_BUNDLE'
    | 'SNAPSHOT_MAIN'
    | 'SNAPSHOT_FAILED';
  constructor(code: SnapshotError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where that of a program lies, relative to the release's root. */
export function snapshotPath({ version }: Pick<AssembledRelease, 'version'>, program: string): string {
  return `releases/${version}/${program}.snapshot`;
}

/**
 * Adds what Node starts a program from instead of its entry: docs/decisions/0026. Made by the target's runtime on this
 * machine. Throws SnapshotError, and what writing to the temporary directory throws.
 */
export async function withSnapshots(
  tree: Tree,
  { release, target, runtime }: Pick<Build, 'release' | 'target' | 'runtime'>,
  signal: AbortSignal | undefined,
): Promise<Tree> {
  check(release, target);
  return await withLaidOut(tree, runtime.file, signal, async (laidOut) => {
    const snapshots: TreeFile[] = [];
    for (const [program, entry] of Object.entries(release.entries)) {
      await bundle(laidOut, program, entry, runtime.version);
      const addons = tree.files.map((file) => file.path).filter((name) => name.endsWith('.node'));
      const content = await build(laidOut, program, release, addons);
      snapshots.push(fileOfBytes(snapshotPath(release, program), content));
    }
    return withFiles(tree, snapshots);
  });
}

/** Throws SnapshotError. */
function check({ kind, shell, name, version, entries, wrap }: AssembledRelease, target: Target): void {
  if (wrap.compileCache !== false && wrap.compileCache.build !== false) {
    throw new SnapshotError(
      'SNAPSHOT_RELEASE',
      `${name} starts from its snapshot (wrap.snapshot), where all of it has been compiled: leave out wrap.compileCache.build.`,
    );
  }
  const isBooted = Object.values(entries).some((entry) => entry.startsWith(`releases/${version}/`));
  if (kind === 'service' || shell || isBooted) {
    throw new SnapshotError(
      'SNAPSHOT_RELEASE',
      `wrap.snapshot is for programs that Node alone starts, and ${name} has a configuration, an env.sh, a vm.args or applications of its own: leave it out.`,
    );
  }
  if (hostAmong([target]) !== undefined) return;
  throw new SnapshotError(
    'SNAPSHOT_TARGET',
    `wrap.snapshot needs a machine of the target: wrap ${name} for ${target.name} there, or leave it out.`,
  );
}

/** The program as one CommonJS file in `laidOut`, which is all that Node takes. Throws SnapshotError. */
async function bundle(laidOut: LaidOut, program: string, entry: string, version: string): Promise<void> {
  const esbuild = await import('esbuild');
  const head = await readFile(fileURLToPath(new URL('./head.cjs', import.meta.url)), 'utf8');
  try {
    await esbuild.build({
      entryPoints: [path.join(laidOut.directory, entry)],
      absWorkingDir: laidOut.directory,
      outfile: path.join(laidOut.directory, `${program}.cjs`),
      bundle: true,
      platform: 'node',
      target: `node${version.split('.')[0]}`,
      // There is no `module` for an entry.
      format: 'iife',
      charset: 'utf8',
      conditions: ['module-sync', 'node-addons'],
      banner: { js: head },
      logLevel: 'silent',
      // It would be undefined.
      logOverride: { 'empty-import-meta': 'error' },
    });
  } catch (cause) {
    const [first] = (cause as BuildFailure).errors ?? [];
    const where = first?.location ? `${first.location.file}:${first.location.line}: ` : '';
    const advice =
      first?.id === 'empty-import-meta'
        ? 'a snapshot lies in no file, so that import.meta is empty; where the program lies is in process.argv[1], once it runs'
        : first?.text.includes('".node" files')
          ? `this is a native addon, which no snapshot holds; ${LOAD_ADDONS}`
          : (first?.text ?? (cause as Error).message);
    throw new SnapshotError(
      'SNAPSHOT_BUNDLE',
      `${program} cannot be one file, as wrap.snapshot needs it: ${where}${advice}.`,
      {
        cause,
      },
    );
  }
}

/** Throws SnapshotError. */
async function build(
  { root, directory, run }: LaidOut,
  program: string,
  { vmArgs }: AssembledRelease,
  addons: readonly string[],
): Promise<Buffer> {
  const made = `${program}.snapshot`;
  const options = [...vmArgs, '--no-warnings', '--snapshot-blob', path.join(root, made), '--build-snapshot'];
  const ended = await run([...options, path.join(root, `${program}.cjs`)]);
  try {
    // Node ends well, and writes one, also where a callback of serializing throws.
    if (ended.status === 0 && !lacksMain(ended)) return await readFile(path.join(directory, made));
  } catch (error) {
    // The entry called process.exit.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  throw failure(program, ended, addons);
}

/** Why Node made none of a program. `addons`: where those of its release lie. */
export function failure(program: string, ended: Ended, addons: readonly string[]): SnapshotError {
  if (lacksMain(ended)) {
    return new SnapshotError(
      'SNAPSHOT_MAIN',
      `${program} says nowhere what it does when it starts: with wrap.snapshot its entry is run while wrapping, and has to call setDeserializeMainFunction of require('node:v8').startupSnapshot.`,
    );
  }
  return new SnapshotError('SNAPSHOT_FAILED', `Node made no snapshot of ${program}: ${why(ended, addons)}`);
}

/** Thrown in head.cjs. */
function lacksMain({ errors }: Ended): boolean {
  return errors.includes('SARMA_NO_MAIN_FUNCTION');
}

function why(ended: Ended, addons: readonly string[]): string {
  if (ended.running) {
    return `its entry was still running after two minutes. A timer or a server that stands outside ${MAIN} has it run for ever: move it there.`;
  }
  const said = { ...ended, errors: withoutNativeStack(ended.errors) };
  const how = `${howItEnded(ended)}${whatItSaid(said)}`;
  if (ended.status === 0 || (ended.status !== null && said.errors.trim() === '')) {
    return `its entry ended the process before there was one. It ${how}\nCall process.exit in ${MAIN} alone.`;
  }
  const advice = `A snapshot holds no open file, socket, timer, worker or addon, and not node:http, node:https, node:http2 and node:tls: do and require that in ${MAIN}.`;
  if (addons.length === 0) return `it ${how}\n${advice}`;
  return `it ${how}\n${advice} There is an addon in ${addons.join(', ')}: ${LOAD_ADDONS}.`;
}

/** What V8 prints when it gives up, less what says nothing to who wrote the program. */
function withoutNativeStack(errors: string): string {
  return errors
    .replace(/^-+ Native stack trace -+$[\s\S]*/m, '')
    .replace(/^#\s*(FailureMessage Object.*)?\n/gm, '');
}
