import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Inspection, Weight } from '@sarma/wrapper';
import { needs } from './needs.ts';

/** A universal executable has several inspections, and a tree of each. */
export interface Slice {
  readonly inspection: Inspection;
  readonly tree: Weight;
}

/** The page of `sarma inspect --html`: complete in itself, and nothing in it is code but our script. */
export async function inspectionPage(file: string, slices: readonly Slice[]): Promise<string> {
  const [page, style, script] = await Promise.all(['page.html', 'page.css', 'page.js'].map(part));
  const { manifest } = slices[0]!.inspection;
  const bytes = slices.reduce((sum, { inspection }) => sum + inspection.bytes, 0);
  const data = {
    title: manifest.name,
    version: manifest.version,
    file: path.basename(file),
    bytes,
    targets: slices.map(({ inspection }) => inspection.manifest.target),
    tree: slices.length === 1 ? slices[0]!.tree : joined(manifest.name, slices),
    facts: slices.map(({ inspection }) => facts(inspection)),
  };
  const values: Readonly<Record<string, string>> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${hash(style!)}'; script-src '${hash(script!)}'">`,
    title: `<title>${escaped(`${manifest.name} ${manifest.version}`)}</title>`,
    style: `<style>${style}</style>`,
    data: `<script type="application/json" id="data">${inScript(data)}</script>`,
    script: `<script>${script}</script>`,
  };
  return page!.replaceAll(/<!-- (\w+) -->/g, (_, name: string) => values[name]!);
}

async function part(name: string): Promise<string> {
  return await readFile(new URL(`./html/${name}`, import.meta.url), 'utf8');
}

/** The content security policy of the page names what may be in it by these. */
function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** JSON inside a `script` element: no name of a file can end it. */
function inScript(data: unknown): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}

function joined(name: string, slices: readonly Slice[]): Weight {
  const parts = slices.map(
    ({ inspection, tree }): Weight => ({ ...tree, kind: 'slice', name: inspection.manifest.target }),
  );
  const sum = (key: 'stored' | 'unpacked') => parts.reduce((total, one) => total + one[key], 0);
  return { name, kind: 'executable', stored: sum('stored'), unpacked: sum('unpacked'), parts };
}

function facts({
  id,
  manifest,
  stamp,
}: Inspection): readonly (readonly [string, string | readonly string[]])[] {
  const { runtime, requires, kind, target } = manifest;
  const all: readonly (readonly [string, string | readonly string[]])[] = [
    ['target', target],
    ['kind', kind],
    ['id', id],
    ['starts', stamp.entry],
    ['runtime', `node ${runtime.version} from ${runtime.official.source}`],
    ['published as', runtime.official.sha256],
    ['installed as', runtime.sha256],
    ['changes', runtime.changes.length === 0 ? 'none: byte for byte what was published' : runtime.changes],
    ['needs', needs(requires)],
    ['installs', [`runtimes/${stamp.runtimeDirectory}`, `releases/${stamp.releaseDirectory}`]],
    ['elsewhere with', stamp.overrideVariable],
    ['manifest', stamp.manifestDigest],
  ];
  return all.filter(([, value]) => value.length > 0);
}
