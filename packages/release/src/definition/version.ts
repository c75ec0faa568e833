import { exec, execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ReleaseError, reasonOf } from '../error.ts';
import { type Manifest, readManifest } from '../package-json.ts';
import { readWorkspaces } from '../workspaces.ts';
import { checkedVersion } from './names.ts';
import type { Project } from './project.ts';
import type { VersionConfig } from './sarma-config.ts';

/**
 * The version that a configuration gives or points to; without one that of `package.json`, or 0.0.0. `where` names the
 * configuration. Throws ReleaseError VERSION_UNKNOWN or INVALID_VERSION.
 */
export async function readVersion(
  given: VersionConfig | undefined,
  project: Project,
  where: string,
): Promise<string> {
  if (given === undefined) return checkedVersion(project.manifest.version ?? '0.0.0');
  if (typeof given === 'string') return checkedVersion(given, `${where}: version`);
  const [[key, value]] = Object.entries(given) as [[Source, string]];
  const from = `${where}: version { ${key}: ${JSON.stringify(value)} }`;
  const found = await sources[key](value, project).catch((error: unknown) => {
    throw new ReleaseError('VERSION_UNKNOWN', `${from}: ${reasonOf(error)}`, { cause: error });
  });
  if (found === '') throw new ReleaseError('VERSION_UNKNOWN', `${from} is empty.`);
  return checkedVersion(found, from);
}

type Source = 'from' | 'git' | 'file' | 'command';

const sources: Readonly<Record<Source, (value: string, project: Project) => Promise<string>>> = {
  from: packageVersion,
  git: async (form, { directory }) => await gitVersion(form as 'short' | 'long' | 'tag', directory),
  file: async (file, { directory }) => readFileSync(path.resolve(directory, file), 'utf8').trim(),
  command: async (command, { directory }) =>
    await output('the command', promisify(exec)(command, { cwd: directory })),
};

async function packageVersion(name: string, { directory, manifest }: Project): Promise<string> {
  const workspaces = await readWorkspaces(directory, manifest);
  const own = [manifest, ...workspaces.map((workspace) => workspace.manifest)];
  const found = own.find((one) => one.name === name) ?? installed(name, directory);
  if (found === undefined)
    throw new Error(`there is no package ${name} in ${directory} or its node_modules.`);
  if (found.version === undefined) throw new Error(`the package.json of ${name} has no version.`);
  return found.version;
}

function installed(name: string, directory: string): Manifest | undefined {
  const found = readManifest(path.join(directory, 'node_modules', name));
  const above = path.dirname(directory);
  return found ?? (above === directory ? undefined : installed(name, above));
}

async function gitVersion(form: 'short' | 'long' | 'tag', directory: string): Promise<string> {
  if (form === 'short') return await git(['rev-parse', '--short', 'HEAD'], directory);
  if (form === 'long') return await git(['rev-parse', 'HEAD'], directory);
  const described = await git(
    ['describe', '--tags', '--long', '--match', '[0-9]*', '--match', 'v[0-9]*'],
    directory,
  );
  const [, tag, commits, commit] = /^v?(.*)-(\d+)-g([0-9a-f]+)$/.exec(described)!;
  if (commits === '0') return tag!;
  return `${tag}${tag!.includes('+') ? '.' : '+'}build.${commits}.ref${commit}`;
}

async function git(args: readonly string[], directory: string): Promise<string> {
  return await output('git', promisify(execFile)('git', args, { cwd: directory }));
}

/** What a program prints, or an error with what it complained of. */
async function output(program: string, done: Promise<{ readonly stdout: string }>): Promise<string> {
  try {
    return (await done).stdout.trim();
  } catch (error) {
    const { stderr = '', code } = error as { stderr?: string; code?: unknown };
    if (code === 'ENOENT') throw new Error(`${program} is not installed.`, { cause: error });
    const complaint = stderr.trim();
    throw new Error(`${program} failed with ${code}${complaint === '' ? '.' : `: ${complaint}`}`, {
      cause: error,
    });
  }
}
