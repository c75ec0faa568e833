import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ReleaseError } from '../error.ts';
import type { Release } from '../release.ts';
import { renderFile } from '../templates/render.ts';
import { overlayVariables } from '../templates/variables.ts';
import { isFile, type Tree } from '../tree.ts';
import { addHooks, type Hooks } from './hooks.ts';
import { readVmArgs } from './vm-args.ts';

/** What the scripts of a release mean for those who start it. */
export interface Scripts {
  /** The arguments for Node, as `vm.args` has them; `-app key value` is none of them. */
  readonly vmArgs: readonly string[];
  /** Whether the executable has to start `bin/<program>` instead of Node itself. */
  readonly shell: boolean;
  /** Paths relative to the release's root, in the order in which they run. */
  readonly hooks: Hooks;
}

/**
 * Adds `bin/<program>` for every entry, and to `releases/<version>` the rendered `vm.args`, `remote.vm.args`,
 * `env.sh` and `env.bat`, those with only comments left out, and the hooks of a service.
 * Throws ReleaseError TEMPLATE_FAILED, SCRIPT_NOT_FOUND, INVALID_VM_ARGS or UNKNOWN_HOOK.
 */
export async function addScripts(
  tree: Tree,
  release: Release,
  entries: Readonly<Record<string, string>>,
): Promise<Scripts> {
  for (const program of Object.keys(entries)) addProgram(tree, program, release);
  const { envScript, vmArgs, remoteVmArgs } = release.options;
  const service = release.kind === 'service';
  const args = addVmArgs(tree, release, 'vm.args', vmArgs);
  const remoteArgs = service ? addVmArgs(tree, release, 'remote.vm.args', remoteVmArgs) : undefined;
  const shell = addTemplate(tree, release, 'env.sh', envScript.sh);
  addTemplate(tree, release, 'env.bat', envScript.bat);
  return {
    vmArgs: args ?? [],
    shell:
      shell !== undefined ||
      remoteArgs !== undefined ||
      (service && args !== undefined) ||
      (args ?? []).some((argument) => argument.includes('${')),
    hooks: service ? addHookFolder(tree, release) : {},
  };
}

const program = path.join(import.meta.dirname, 'bin.sh');

/** Names of programs and releases need no quoting: they are small letters, digits, "_" and "-". */
function addProgram(tree: Tree, name: string, { name: release, kind }: Release): void {
  const text = readFileSync(program, 'utf8')
    .replaceAll('@program@', name)
    .replaceAll('@release@', release)
    .replaceAll('@kind@', kind);
  tree.set(`bin/${name}`, { type: 'text', text, mode: 0o755 });
}

function addVmArgs(
  tree: Tree,
  release: Release,
  name: string,
  chosen: string | undefined,
): readonly string[] | undefined {
  const added = addTemplate(tree, release, name, chosen);
  return added === undefined ? undefined : readVmArgs(added.text, added.file);
}

interface Rendered {
  readonly file: string;
  readonly text: string;
}

/** The rendered template, when there is one that says anything. */
function addTemplate(
  tree: Tree,
  release: Release,
  name: string,
  chosen: string | undefined,
): Rendered | undefined {
  const file = templateFile(release, name, chosen);
  if (file === undefined) return undefined;
  const batch = name.endsWith('.bat');
  const text = renderFile(file, overlayVariables(release)).replaceAll('\r\n', '\n');
  const comment = batch ? /^\s*(@?rem\b|::|@echo off\s*$|$)/i : /^\s*(#|$)/;
  if (text.split('\n').every((line) => comment.test(line))) return undefined;
  // cmd looks for labels in blocks of 512 bytes and misses some where lines end like Unix's.
  const ended = batch ? text.replaceAll('\n', '\r\n') : text;
  tree.set(`releases/${release.version}/${name}`, { type: 'text', text: ended, mode: 0o644 });
  return { file, text };
}

function templateFile({ project }: Release, name: string, chosen: string | undefined): string | undefined {
  if (chosen === undefined) {
    return [name, `${name}.eta`].map((one) => path.join(project, 'rel', one)).find(isFile);
  }
  if (isFile(chosen)) return chosen;
  throw new ReleaseError(
    'SCRIPT_NOT_FOUND',
    `The configuration names ${chosen} for ${name}; there is no such file.`,
  );
}

function addHookFolder(tree: Tree, { project, version, options }: Release): Hooks {
  const folder = options.hooks ?? path.join(project, 'rel', 'hooks');
  if (existsSync(folder)) return addHooks(tree, `releases/${version}/hooks`, folder);
  if (options.hooks === undefined) return {};
  throw new ReleaseError(
    'SCRIPT_NOT_FOUND',
    `The configuration names ${folder} for hooks; there is no such folder.`,
  );
}
