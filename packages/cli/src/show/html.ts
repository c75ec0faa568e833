import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Inspection, weighSlices } from '@sarma/wrapper';
import type { Fact } from './facts.ts';
import { factsOf } from './inspection.ts';

/** The page of `sarma inspect --html`: complete in itself, and nothing in it is code but our script. */
export async function inspectionPage(file: string, slices: readonly Inspection[]): Promise<string> {
  const [page, style, ...scripts] = await Promise.all(PARTS.map(part));
  const script = scripts.join('');
  const { manifest } = slices[0]!;
  const data = {
    title: manifest.name,
    version: manifest.version,
    file: path.basename(file),
    bytes: slices.reduce((sum, { bytes }) => sum + bytes, 0),
    targets: slices.map(({ manifest }) => manifest.target),
    tree: weighSlices(slices),
    facts: slices.map(facts),
  };
  const values: Readonly<Record<string, string>> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${hash(style!)}'; script-src '${hash(script)}'">`,
    title: `<title>${escaped(`${manifest.name} ${manifest.version}`)}</title>`,
    style: `<style>${style}</style>`,
    data: `<script type="application/json" id="data">${inScript(data)}</script>`,
    script: `<script>${script}</script>`,
  };
  return page!.replaceAll(/<!-- (\w+) -->/g, (_, name: string) => values[name]!);
}

/** Whether a text is a page that `inspectionPage` made. */
export function isInspectionPage(text: string): boolean {
  return text.slice(0, 1000).includes('<meta name="generator" content="sarma inspect">');
}

/** Scripts see what those before them define. */
const PARTS = ['page.html', 'page.css', 'page.js', 'map.js', 'table.js'] as const;

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

function facts(inspection: Inspection): readonly Fact[] {
  const { manifest, stamp } = inspection;
  const hashes: readonly Fact[] = [
    ['published as', manifest.runtime.official.sha256],
    ['installed as', manifest.runtime.sha256],
    ['manifest', stamp.manifestDigest],
  ];
  return [...factsOf(inspection), ...hashes];
}
