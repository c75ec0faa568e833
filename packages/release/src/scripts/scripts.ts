import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Release } from '../release.ts';
import { renderFile } from '../templates/render.ts';
import { overlayVariables } from '../templates/variables.ts';
import type { Tree } from '../tree.ts';
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
 * Throws ReleaseError TEMPLATE_FAILED, INVALID_VM_ARGS, UNKNOWN_HOOK or CONFIG_INVALID.
 */
export async function addScripts(
  tree: Tree,
  release: Release,
  entries: Readonly<Record<string, string>>,
): Promise<Scripts> {
  for (const program of Object.keys(entries)) addProgram(tree, program, release);
  const { envScript, vmArgs, remoteVmArgs, hooks } = release.options;
  const service = release.kind === 'service';
  const args = addVmArgs(tree, release, 'vm.args', vmArgs);
  const remoteArgs = service ? addVmArgs(tree, release, 'remote.vm.args', remoteVmArgs) : undefined;
  const script = addTemplate(tree, release, 'env.sh', envScript.sh);
  addTemplate(tree, release, 'env.bat', envScript.bat);
  return {
    vmArgs: args ?? [],
    shell:
      script !== undefined ||
      remoteArgs !== undefined ||
      (service && args !== undefined) ||
      (args ?? []).some((argument) => argument.includes('${')),
    hooks:
      service && hooks !== undefined ? await addHooks(tree, `releases/${release.version}/hooks`, hooks) : {},
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
  file: string | undefined,
): readonly string[] | undefined {
  const added = addTemplate(tree, release, name, file);
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
  file: string | undefined,
): Rendered | undefined {
  if (file === undefined) return undefined;
  const batch = name.endsWith('.bat');
  const text = renderFile(file, overlayVariables(release)).replaceAll('\r\n', '\n');
  const comment = batch ? /^\s*(@?rem\b|::|@echo off\s*$|$)/i : /^\s*(#|$)/;
  if (text.split('\n').every((line) => comment.test(line))) return undefined;
  tree.set(`releases/${release.version}/${name}`, { type: 'text', text: endedAs(name, text), mode: 0o644 });
  return { file, text };
}

function endedAs(name: string, text: string): string {
  // cmd looks for labels in blocks of 512 bytes and misses some where lines end like Unix's.
  if (name.endsWith('.bat')) return text.replaceAll('\n', '\r\n');
  // `[ -n "$X" ] && export Y=1` is no failure anywhere but in the last line, where it would be that of the file.
  return name === 'env.sh' ? `${text.replace(/\n*$/, '\n')}:\n` : text;
}
