import { writeFile } from 'node:fs/promises';
import { type Inspection, packageFacts, readSbom, SbomError, weigh } from '@sarma/wrapper';
import { inspectionPage } from './show/html.ts';
import { shownPath } from './show/measures.ts';
import { UsageError } from './usage.ts';

/** Writes what is inside an executable as a page. Throws UsageError for a place that cannot be written. */
export async function writePage(
  output: string,
  file: string,
  inspections: readonly Inspection[],
): Promise<void> {
  const facts = await knownOf(file);
  const slices = inspections.map((inspection) => ({ inspection, tree: weigh(inspection, facts) }));
  const page = await inspectionPage(file, slices);
  await writeFile(output, page).catch((cause: Error) => {
    throw new UsageError(`${output} could not be written: ${cause.message}. Name another file with --html.`);
  });
  process.stdout.write(`${shownPath(output)} shows what is in ${shownPath(file)}.\n`);
}

/** Without a bill of materials packages have no versions. */
async function knownOf(file: string): Promise<ReturnType<typeof packageFacts>> {
  try {
    return packageFacts(await readSbom(file));
  } catch (error) {
    if (error instanceof SbomError) return new Map();
    throw error;
  }
}
