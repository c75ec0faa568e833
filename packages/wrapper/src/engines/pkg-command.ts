import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import semver from 'semver';
import type { Target } from '../targets.ts';
import { PkgEngineError } from './pkg-error.ts';

/** An installed `@yao-pkg/pkg`. */
export interface PkgInstallation {
  readonly version: string;
  /** Its command, a CommonJS file. */
  readonly command: string;
}

export interface PkgTarget {
  readonly os: Target['os'];
  readonly cpu: 'x64' | 'arm64';
  /** Of the runtime. */
  readonly version: string;
  /** The runtime's executable. */
  readonly runtime: string;
}

/** One call of pkg. */
export interface PkgCall {
  /** Private to the call; what it makes lies here. */
  readonly directory: string;
  /** A folder with a `package.json` that says what pkg is to do. */
  readonly project: string;
  readonly target: PkgTarget;
  /** A runtime of the target's version for this machine; undefined where pkg finds one by itself. */
  readonly host: string | undefined;
  readonly compress: boolean;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

const PACKAGE = '@yao-pkg/pkg';
/** 6.23 is the first whose cache is known to be laid out as `offer` does it. */
const RANGE = '^6.23.0';
const INSTALL = `npm install --save-dev ${PACKAGE}@${RANGE}`;

/** Finds pkg where the project, or else Sarma, would import it from. Throws PkgEngineError. */
export async function findPkg(project: string): Promise<PkgInstallation> {
  for (const from of [path.join(path.resolve(project), 'package.json'), import.meta.url]) {
    const file = resolve(from);
    if (file === undefined) continue;
    const { version, bin } = JSON.parse(await readFile(file, 'utf8')) as {
      version: string;
      bin: { pkg: string };
    };
    if (!semver.satisfies(version, RANGE)) {
      throw new PkgEngineError(
        `The engine pkg needs ${PACKAGE} ${RANGE}, and ${path.dirname(file)} is ${version}. Install it: ${INSTALL}`,
        'PKG_MISSING',
      );
    }
    return { version, command: path.join(path.dirname(file), bin.pkg) };
  }
  throw new PkgEngineError(
    `The engine pkg needs ${PACKAGE}, which is not installed. Install it: ${INSTALL}`,
    'PKG_MISSING',
  );
}

function resolve(from: string): string | undefined {
  try {
    return createRequire(from).resolve(`${PACKAGE}/package.json`);
  } catch {
    return undefined;
  }
}

/** What pkg would do first for a runtime it does not have. */
const NO_DOWNLOAD = `data:text/javascript,globalThis.fetch=async(url)=>{throw new Error('it wanted to download '+url)}`;

/**
 * Runs pkg in SEA mode on a runtime that is already there. Its home is a private one, in which it finds the runtime as
 * if it had downloaded it before. Returns the executable and what pkg had to say. Throws PkgEngineError.
 */
export async function runPkg(
  { command }: PkgInstallation,
  { directory, project, target, host, compress, signal }: PkgCall,
): Promise<{ readonly file: string; readonly notes: readonly string[] }> {
  const home = path.join(directory, 'home');
  await offer(home, target);
  if (host !== undefined) {
    const cpu = process.arch === 'arm64' ? 'arm64' : 'x64';
    await offer(home, { os: hostSystem(), cpu, version: target.version, runtime: host });
  }
  const file = path.join(directory, target.os === 'win' ? 'made.exe' : 'made');
  const platform = target.os === 'darwin' ? 'macos' : target.os;
  const { execa } = await import('execa');
  const result = await execa(
    process.execPath,
    [
      ...['--import', NO_DOWNLOAD, command, path.join(project, 'package.json'), '--sea', '--no-signature'],
      ...['--targets', `node${target.version}-${platform}-${target.cpu}`, '--output', file],
      ...(compress ? ['--compress', 'Zstd'] : []),
    ],
    {
      cwd: project,
      env: { HOME: home, USERPROFILE: home, TMPDIR: directory, TEMP: directory, NO_COLOR: '1' },
      stdin: 'ignore',
      all: true,
      reject: false,
      ...(signal && { cancelSignal: signal }),
    },
  );
  const said = (result.all ?? '').trim();
  if (result.failed) {
    const reason = said === '' ? result.shortMessage : said.replaceAll(/^/gm, '  ');
    throw new PkgEngineError(`${PACKAGE} failed:\n${reason}`, 'PKG_FAILED');
  }
  return { file, notes: said.split('\n').filter((line) => /^> (Warning|Error)/i.test(line)) };
}

/** What pkg calls this machine's. */
export function hostSystem(): PkgTarget['os'] {
  return process.platform === 'win32' ? 'win' : process.platform === 'darwin' ? 'darwin' : 'linux';
}

/**
 * Lays a runtime where pkg keeps what it downloaded (`getNodejsExecutable` of its `lib-es5/sea.js`): an archive that is
 * marked as checked, and the executable of it, marked as complete.
 */
async function offer(home: string, { os, cpu, version, runtime }: PkgTarget): Promise<void> {
  const cache = path.join(home, '.pkg-cache', 'sea');
  const name = `node-v${version}-${os}-${cpu}`;
  const archive = path.join(cache, `${name}.${os === 'win' ? 'zip' : 'tar.gz'}`);
  const executable = path.join(cache, os === 'win' ? `${name}.exe` : `${name}/bin/node`);
  await mkdir(path.dirname(executable), { recursive: true });
  for (const marked of [archive, `${archive}.ok`, `${executable}.ok`]) await writeFile(marked, '');
  // An executable that is not: the build cache of an older Sarma has such.
  await copyFile(runtime, executable, constants.COPYFILE_FICLONE);
  await chmod(executable, 0o755);
}
