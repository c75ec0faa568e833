import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { HookName } from '@sarma/boot';
import { checkReadyMadeHook } from '../definition/check.ts';
import { ReleaseError } from '../error.ts';
import type { Tree } from '../tree.ts';

export type Hooks = Readonly<Partial<Record<HookName, readonly string[]>>>;

const hookNames = ['configure', 'start', 'stop', 'upgrade'].flatMap((event): HookName[] => [
  `pre_${event as 'start'}`,
  `post_${event as 'start'}`,
]);

/** How a script is run is known by this; without one it is executed. What is JSON is ready-made: the boot does it. */
const extensions = ['.sh', '.js', '.mjs', '.cjs', '.bat', '.cmd', '.ps1', '.json', ''];

/**
 * Adds the hooks of a folder to a tree, at `at`: `pre_start.sh`, or all that lies in `pre_start.d`.
 * Returns them in the order in which they run. Throws ReleaseError UNKNOWN_HOOK or
 * CONFIG_INVALID.
 */
export async function addHooks(tree: Tree, at: string, folder: string): Promise<Hooks> {
  const hooks: Partial<Record<HookName, readonly string[]>> = {};
  for (const name of namesIn(folder)) {
    const hook = hookOf(folder, name);
    const inside = isDirectory(path.join(folder, name))
      ? namesIn(path.join(folder, name)).map((inner) => `${name}/${inner}`)
      : [name];
    for (const script of inside) {
      const from = path.join(folder, script);
      checkScript(from);
      if (path.extname(script) === '.json') await checkReadyMade(from, hook);
      tree.set(`${at}/${script}`, { type: 'copy', from, mode: 0o755, size: statSync(from).size });
    }
    hooks[hook] = [...(hooks[hook] ?? []), ...inside.map((script) => `${at}/${script}`)];
  }
  return hooks;
}

/** In code unit order, which no locale changes; without hidden files and notes. */
function namesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.') && !name.endsWith('~') && !name.endsWith('.md'))
    .sort();
}

function hookOf(folder: string, name: string): HookName {
  const stem = name.split('.')[0];
  const hook = hookNames.find((known) => known === stem);
  const file = path.join(folder, name);
  if (hook === undefined) {
    throw new ReleaseError('UNKNOWN_HOOK', `${file} is no hook. Hooks are called ${hookNames.join(', ')}.`);
  }
  if (isDirectory(file) && name !== `${hook}.d`) {
    throw new ReleaseError('UNKNOWN_HOOK', `${file}: a folder of hooks is called ${hook}.d.`);
  }
  return hook;
}

function checkScript(file: string): void {
  if (isDirectory(file) || !extensions.includes(path.extname(file))) {
    throw new ReleaseError(
      'UNKNOWN_HOOK',
      `${file} cannot be run: a hook is a file without an extension, or with one of ${extensions.filter(Boolean).join(', ')}.`,
    );
  }
}

async function checkReadyMade(file: string, hook: HookName): Promise<void> {
  const { pidFile } = await checkReadyMadeHook(parsed(file), file);
  const [misplaced, where] =
    pidFile === undefined
      ? ([hook.endsWith('_stop'), 'Whoever stops does not wait for that'] as const)
      : ([!hook.endsWith('_start'), 'pidFile is for pre_start and post_start'] as const);
  if (misplaced) throw new ReleaseError('UNKNOWN_HOOK', `${file}: ${where}.`);
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ReleaseError('CONFIG_INVALID', `${file}: ${(error as Error).message}`);
  }
}

function isDirectory(file: string): boolean {
  return statSync(file).isDirectory();
}
