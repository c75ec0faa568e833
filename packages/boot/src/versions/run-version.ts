import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BootFile, HookName } from '../boot-file.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { otherVersion } from '../relaunch.ts';
import { type Owner, startAs } from './owner.ts';

/** How a command of a version is run: words come behind `args`; `env` is set besides. */
export interface VersionProgram {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Another version, as a command executes it. */
export interface OtherVersion {
  readonly program: VersionProgram;
  /** Who may exchange it, where that is not who runs this: with his rights it is executed. */
  readonly owner: Owner | undefined;
}

/** Milliseconds that a first answer may take: an executable unpacks itself. */
const FIRST_ANSWER = 120_000;

/** What a command of it prints. Rejects as `execFile` does. */
export async function output(
  { program, owner }: OtherVersion,
  words: readonly string[],
  environment: ReleaseEnvironment,
  variables: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { file, args, env } = otherVersion(environment, program, words, { ...process.env, ...variables });
  const { stdout } = await startAs(owner, (user) =>
    promisify(execFile)(file, args, { ...user, env, timeout: FIRST_ANSWER }),
  );
  return stdout.trim();
}

/** The version of its Node: in an executable nothing else says so. */
export async function runtimeOf(other: OtherVersion, environment: ReleaseEnvironment): Promise<string> {
  const described = await output(other, ['describe', '--json'], environment);
  return (JSON.parse(described) as { readonly runtime: { readonly version: string } }).runtime.version;
}

/** Whether it can be executed on this host, with its own runtime. Rejects with BootError DOES_NOT_RUN. */
export async function tryVersion(
  other: OtherVersion,
  expected: string,
  from: string,
  environment: ReleaseEnvironment,
): Promise<void> {
  const said = await output(other, ['version'], environment).catch((error: Error & { stderr?: string }) => {
    throw new BootError(
      'DOES_NOT_RUN',
      `${from} does not run here: ${error.stderr?.trim() || error.message}`,
    );
  });
  if (said !== expected)
    throw new BootError(
      'DOES_NOT_RUN',
      `${from} should answer ${JSON.stringify(expected)}, and said ${JSON.stringify(said)}.`,
    );
}

/** In a process of that version. Rejects with BootError HOOK_FAILED; why was printed by then. */
export async function runHook(
  { version, root, program, owner }: OtherVersion & { readonly version: string; readonly root: string },
  name: HookName,
  environment: ReleaseEnvironment,
  from: string,
): Promise<void> {
  const boot = JSON.parse(
    readFileSync(path.join(root, 'releases', version, 'boot.json'), 'utf8'),
  ) as BootFile;
  if (boot.hooks[name] === undefined) return;
  const variables = { ...process.env, RELEASE_UPGRADE_FROM: from };
  const { file, args, env } = otherVersion(environment, program, ['hook', name], variables);
  const child = startAs(owner, (user) =>
    spawn(file, args, { ...user, env, stdio: ['ignore', 'inherit', 'inherit'] }),
  );
  const [exitCode] = (await once(child, 'close')) as [number | null];
  if (exitCode !== 0)
    throw new BootError(
      'HOOK_FAILED',
      `${version} is not started: a hook ${name} of it failed. ${from} runs on.`,
    );
}
