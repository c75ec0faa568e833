import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { chmod, copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { ReleaseError } from './error.ts';
import type { Overlay, Release } from './release.ts';
import { renderFile, renderText, type TemplateVariables } from './templates/render.ts';
import { overlayVariables } from './templates/variables.ts';
import { addFile, addFolder, isFile, type Tree, type TreeEntry } from './tree.ts';

/**
 * Lays a release's overlays over its assembled directory, in their order; a later one replaces what an earlier one or
 * the assembly put at its place. Paths may hold eta tags.
 * Returns the files and links that it put there. Throws ReleaseError OVERLAY_FAILED once, with all that went wrong.
 */
export async function applyOverlays(root: string, release: Release): Promise<Tree> {
  const context: Context = {
    laid: new Map(),
    root: realpathSync(root),
    project: release.project,
    devMode: release.options.devMode,
    variables: overlayVariables(release),
  };
  const problems: string[] = [];
  for (const overlay of release.overlays) {
    try {
      await apply(overlay, context);
    } catch (error) {
      problems.push(`${JSON.stringify(overlay)}: ${(error as Error).message}`);
    }
  }
  if (problems.length === 0) return context.laid;
  const count = problems.length === 1 ? 'An overlay' : `${problems.length} overlays`;
  throw new ReleaseError('OVERLAY_FAILED', `${count} cannot be applied:\n${problems.join('\n')}`);
}

interface Context {
  readonly laid: Tree;
  /** Real path of the release's root. */
  readonly root: string;
  readonly project: string;
  readonly devMode: boolean;
  readonly variables: TemplateVariables;
}

async function apply(overlay: Overlay, context: Context): Promise<void> {
  if (typeof overlay === 'string') return copyOver(context, source(context, overlay), '.');
  if ('mkdir' in overlay) {
    await mkdir(destination(context, rendered(context, overlay.mkdir)), { recursive: true });
  } else if ('copy' in overlay) {
    await copy(context, ...overlay.copy);
  } else if ('link' in overlay) {
    await link(context, ...overlay.link);
  } else if ('template' in overlay) {
    await template(context, ...overlay.template);
  } else {
    await changeMode(context, ...overlay.chmod);
  }
}

/** To a name, or by its own name into a folder when `to` ends with `/`; wildcards only into a folder. */
async function copy(context: Context, from: string, to: string): Promise<void> {
  const pattern = rendered(context, from);
  if (existsSync(path.resolve(context.project, pattern)) || !isDynamicPattern(pattern))
    return copyOver(context, source(context, from), named(context, to, pattern));
  if (!to.endsWith('/')) throw new Error(`With wildcards, the destination is a folder: "${to}/".`);
  const options = { cwd: context.project, absolute: true, onlyFiles: false, expandDirectories: false };
  const found = (await glob(pattern, options)).sort();
  if (found.length === 0) throw new Error(`Nothing in ${context.project} is called like that.`);
  for (const file of found) await copyOver(context, path.resolve(file), named(context, to, file));
}

/** As with relx: a link while developing, but a release that goes elsewhere has to have the thing itself. */
async function link(context: Context, from: string, to: string): Promise<void> {
  const file = source(context, from);
  const name = named(context, to, file);
  if (!context.devMode) return copyOver(context, file, name);
  await put(context, name, { type: 'link', target: file });
}

async function template(context: Context, from: string, to: string): Promise<void> {
  const file = source(context, from);
  if (!isFile(file)) throw new Error(`${file} is no file.`);
  const text = renderFile(file, context.variables);
  const mode = (statSync(file).mode & 0o111) === 0 ? 0o644 : 0o755;
  await put(context, named(context, to, file.replace(/\.eta$/, '')), { type: 'text', text, mode });
}

async function changeMode(context: Context, name: string, mode: number): Promise<void> {
  const file = destination(context, rendered(context, name));
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) throw new Error(`${file} does not exist.`);
  // It would be the mode of what it leads to, perhaps a file of the project.
  if (stats.isSymbolicLink()) throw new Error(`${file} is a link, which has no mode of its own.`);
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777)
    throw new Error(`${mode} is no mode; expected a number like 0o755.`);
  await chmod(file, mode);
}

/** Keeps empty folders in version control, or is the desktop's. */
const left = ['.gitkeep', '.DS_Store'];

async function copyOver(context: Context, from: string, to: string): Promise<void> {
  const tree: Tree = new Map();
  if (statSync(from).isDirectory()) addFolder(tree, to, from);
  // A link is followed: what it leads to need not be in the release.
  else addFile(tree, to, realpathSync(from), path.dirname(realpathSync(from)));
  for (const [name, entry] of tree) if (!left.includes(path.basename(name))) await put(context, name, entry);
}

async function put(context: Context, name: string, entry: TreeEntry): Promise<void> {
  const file = destination(context, name);
  if (file === context.root || statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`${file} is a folder, and would become a file.`);
  context.laid.set(path.relative(context.root, file).replaceAll(path.sep, '/'), entry);
  await mkdir(path.dirname(file), { recursive: true });
  // Not written into: it may be a link, or a file that is linked elsewhere too.
  await rm(file, { force: true });
  if (entry.type === 'link') return symlink(entry.target, file);
  if (entry.type === 'text') await writeFile(file, entry.text);
  else await copyFile(entry.from, file);
  await chmod(file, entry.mode);
}

function rendered({ variables }: Context, text: string): string {
  return renderText(text, variables, text);
}

function source(context: Context, name: string): string {
  const file = path.resolve(context.project, rendered(context, name));
  if (existsSync(file)) return file;
  throw new Error(`${file} does not exist.`);
}

/** The name of a destination: `to`, with the source's own name where it ends with `/`. */
function named(context: Context, to: string, from: string): string {
  const name = rendered(context, to);
  return name.endsWith('/') ? `${name}${path.basename(from)}` : name;
}

/** A path inside the release, links on the way followed. Throws when it lies outside. */
function destination({ root }: Context, name: string): string {
  const file = path.resolve(root, name);
  let there = file === root ? root : path.dirname(file);
  while (!existsSync(there)) there = path.dirname(there);
  const inside = (one: string): boolean => one === root || one.startsWith(root + path.sep);
  if (!path.isAbsolute(name) && inside(file) && inside(realpathSync(there))) return file;
  throw new Error(`"${name}" lies outside the release; destinations are relative to its root.`);
}
