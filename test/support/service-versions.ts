import { copyFile, cp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { madeOnce } from './made-once.ts';
import { runCommand, temporaryDirectory } from './run.ts';
import { ask, type Installed, installed, makeService } from './services.ts';

/** A version of a service in all forms that a release has. */
export interface BuiltVersion {
  readonly version: string;
  /** The assembled directory. */
  readonly directory: string;
  /** The `.tar.gz`. */
  readonly archive: string;
  readonly executable: string;
}

/** A version of the service `tick`, which prints it and `text`; built once for all that want the same one. */
export async function buildVersion(
  version: string,
  files: Readonly<Record<string, string>> = {},
  name = 'tick',
): Promise<BuiltVersion> {
  const source = {
    'sarma.config.ts': `
      import { defineConfig } from 'sarma';
      export default defineConfig({
        releases: { ${name}: { steps: ['assemble', 'tar', 'wrap'], wrap: { compression: 'fast' } } },
      });`,
    'application.ts': `
      import { defineApplication } from '@sarma/app';
      export default defineApplication({ start: () => console.log('started ${version}') });`,
    ...files,
  };
  const place = await madeOnce([name, version, source], async (made) => {
    const project = (await makeService(name, source, { version })).directory;
    const words = ['wrap', project, '--current', '--runtime', process.versions.node];
    const { exitCode, stdout, stderr } = await runCommand(words);
    expect(exitCode, stdout + stderr).toBe(0);
    const output = path.join(project, 'burrito_out');
    const names = await readdir(output);
    const directory = path.join(project, '_build/prod/rel', name);
    await cp(directory, path.join(made, 'directory'), { recursive: true, verbatimSymlinks: true });
    const archive = names.find((one) => one.endsWith('.tar.gz'))!;
    await rename(path.join(output, archive), path.join(made, `${name}-${version}.tar.gz`));
    const executable = names.find((one) => new RegExp(`^${name}_[^.]*$`).test(one))!;
    await rename(path.join(output, executable), path.join(made, `${name}-${version}`));
  });
  return {
    version,
    directory: path.join(place, 'directory'),
    archive: path.join(place, `${name}-${version}.tar.gz`),
    executable: path.join(place, `${name}-${version}`),
  };
}

/** The assembled directory somewhere of its own; its files are linked, so that none may be written to in place. */
export async function copied({ directory }: BuiltVersion): Promise<string> {
  const root = path.join(await temporaryDirectory(), 'root');
  await execa('cp', ['-al', directory, root]);
  return root;
}

/** One of those with another content in a file. */
export async function changed(
  version: BuiltVersion,
  file: string,
  change: (content: Buffer) => Buffer | string,
): Promise<string> {
  const root = await copied(version);
  const place = path.join(root, file);
  const { mode } = await stat(place);
  const content = change(await readFile(place));
  await rm(place);
  await writeFile(place, content, { mode });
  return root;
}

/** 0.1.0, and 0.2.0 with hooks of an upgrade. */
export async function twoVersions(): Promise<{
  readonly first: BuiltVersion;
  readonly second: BuiltVersion;
}> {
  const first = await buildVersion('0.1.0');
  const second = await buildVersion('0.2.0', {
    'rel/hooks/pre_upgrade.sh': `#!/bin/sh\necho "before $RELEASE_VSN, from $RELEASE_UPGRADE_FROM"; [ -z "$WHO" ] || id -u >>"$WHO"; [ -z "$FAIL" ] || exit 3; [ -z "$HANG" ] || exec sleep 100\n`,
    'rel/hooks/post_upgrade.sh': '#!/bin/sh\necho "after $RELEASE_VSN, from $RELEASE_UPGRADE_FROM"\n',
  });
  return { first, second };
}

/** A version as a directory with its own state in it. */
export async function directoryRelease(
  version: BuiltVersion,
): Promise<Installed & { readonly root: string }> {
  const root = await copied(version);
  const one = await installed(path.join(root, 'bin/tick'));
  return { ...one, env: { ...one.env, RELEASE_MUTABLE_DIR: '' }, state: path.join(root, 'var'), root };
}

/** As an executable that may be replaced. */
export async function executableRelease(
  version: BuiltVersion,
): Promise<Installed & { readonly program: string }> {
  const program = path.join(await temporaryDirectory(), 'tick');
  await copyFile(version.executable, program);
  return { ...(await installed(program)), program };
}

/** A command that is refused: what it says. */
export async function refused(one: Installed, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await ask(one, args);
  expect(exitCode, stdout + stderr).toBe(1);
  return stderr;
}
