import type { Inspection } from '@sarma/wrapper';
import { factLines } from './facts.ts';
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
  const { manifest, stamp, file, bytes, id, parts } = inspection;
  const { runtime } = manifest;
  const changes = runtime.changes.length === 0 ? '' : `, ${runtime.changes.join(', ')}`;
  const unpacked = manifest.files.reduce((sum, { size }) => sum + size, 0);
  const facts = factLines([
    ['release', `${manifest.name} ${manifest.version} for ${manifest.target}`],
    ['file', `${shownPath(file)}, ${size(bytes)}`],
    ['id', id],
    ['starts', stamp.entry],
    ['runtime', `node ${runtime.version} from ${runtime.official.source}${changes}`],
    ['needs', needs(manifest.requires)],
    ['installs', [`runtimes/${stamp.runtimeDirectory}`, `releases/${stamp.releaseDirectory}`]],
    ['below', `the user's cache directory, or what ${stamp.overrideVariable} says`],
  ]);
  const weights = tableLines(
    [
      { title: 'part', cell: ({ part }) => part },
      { title: 'stored', cell: ({ stored }) => size(stored), right: true },
      { title: 'unpacked', cell: ({ full }) => (full === undefined ? '' : size(full)), right: true },
    ],
    [
      { part: 'runtime', stored: parts.runtime, full: runtime.size },
      { part: 'code', stored: parts.release, full: unpacked },
      { part: 'manifest', stored: parts.manifest, full: undefined },
      { part: 'stub', stored: parts.stub, full: undefined },
    ],
  );
  return [...facts, '', ...weights, '', ...packageLines(inspection)];
}

function packageLines({ packages }: Inspection): string[] {
  const rest = packages.slice(LISTED);
  const lines = tableLines(
    [
      { title: 'package', cell: ({ name }) => name || '(the release itself)' },
      { title: 'files', cell: ({ files }) => String(files), right: true },
      { title: 'unpacked', cell: ({ bytes }) => size(bytes), right: true },
    ],
    packages.slice(0, LISTED),
  );
  if (rest.length === 0) return lines;
  const bytes = rest.reduce((sum, { bytes }) => sum + bytes, 0);
  return [...lines, `and ${count(rest.length, 'package')} more with ${size(bytes)}; --json lists them all`];
}
