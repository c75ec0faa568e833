import type { Inspection } from '@sarma/wrapper';
import { type Fact, factLines } from './facts.ts';
import { count, shownPath, size } from './measures.ts';
import { needs } from './needs.ts';
import { tableLines } from './table.ts';

/** Packages that are listed; the others are summed up. */
const LISTED = 10;

/** What is inside an executable, for people; for a universal one, what is inside each of its slices. */
export function showInspections(inspections: readonly Inspection[]): void {
  const texts = inspections.map((inspection) => inspectionLines(inspection).join('\n'));
  process.stdout.write(`${texts.join('\n\n')}\n`);
}

function inspectionLines(inspection: Inspection): string[] {
  const { manifest, file, bytes, parts } = inspection;
  const unpacked = manifest.files.reduce((sum, { size }) => sum + size, 0);
  const facts = factLines([['file', `${shownPath(file)}, ${size(bytes)}`], ...factsOf(inspection)]);
  const weights = tableLines(
    [
      { title: 'part', cell: ({ part }) => part },
      { title: 'stored', cell: ({ stored }) => size(stored), right: true },
      { title: 'unpacked', cell: ({ full }) => (full === undefined ? '' : size(full)), right: true },
    ],
    [
      { part: 'runtime', stored: parts.runtime, full: manifest.runtime.size },
      { part: 'code', stored: parts.release, full: unpacked },
      { part: 'manifest', stored: parts.manifest, full: undefined },
      { part: 'stub', stored: parts.stub, full: undefined },
    ],
  );
  return [...facts, '', ...weights, '', ...packageLines(inspection)];
}

/** What is worth knowing of an executable, wherever it lies. */
export function factsOf({ id, manifest, stamp }: Inspection): readonly Fact[] {
  const { name, version, target, kind, runtime, requires } = manifest;
  return [
    ['release', `${name} ${version} for ${target}`],
    ['kind', kind],
    ['id', id],
    ['starts', stamp.entry],
    ['runtime', `node ${runtime.version} from ${runtime.official.source}`],
    ['changes', runtime.changes.length === 0 ? 'none: byte for byte what was published' : runtime.changes],
    ['needs', needs(requires)],
    ['installs', [`runtimes/${stamp.runtimeDirectory}`, `releases/${stamp.releaseDirectory}`]],
    ['below', `the user's cache directory, or what ${stamp.overrideVariable} says`],
  ];
}

function packageLines({ packages }: Inspection): string[] {
  const rest = packages.slice(LISTED);
  const lines = tableLines(
    [
      { title: 'package', cell: ({ name, version = '' }) => `${name} ${version}`.trimEnd() },
      { title: 'files', cell: ({ files }) => String(files), right: true },
      { title: 'unpacked', cell: ({ unpacked }) => size(unpacked), right: true },
    ],
    packages.slice(0, LISTED),
  );
  if (rest.length === 0) return lines;
  const bytes = rest.reduce((sum, { unpacked }) => sum + unpacked, 0);
  return [...lines, `and ${count(rest.length, 'package')} more with ${size(bytes)}; --json lists them all`];
}
