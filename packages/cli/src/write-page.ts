import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Inspection, writeWhole } from '@sarma/wrapper';
import { inspectionPage, isInspectionPage } from './show/html.ts';
import { shownPath } from './show/measures.ts';
import { UsageError } from './usage.ts';

/** Writes what is inside an executable as a page. Throws UsageError for a place that is not to be written, or cannot be. */
export async function writePage(
  output: string,
  file: string,
  inspections: readonly Inspection[],
): Promise<void> {
  if ((await realpath(output).catch(() => '')) === (await realpath(file))) {
    throw new UsageError(`${output} is the executable itself. Name another file with --html.`);
  }
  if (!(await isReplaceable(output))) {
    throw new UsageError(
      `${output} exists and is no page of \`sarma inspect\`. Remove it, or name another file with --html.`,
    );
  }
  const page = await inspectionPage(file, inspections);
  await writeWhole(path.resolve(output), page, 0o644).catch((cause: Error) => {
    throw new UsageError(`${output} could not be written: ${cause.message}. Name another file with --html.`);
  });
  process.stdout.write(`${shownPath(output)} shows what is in ${shownPath(file)}.\n`);
}

/** Whether nothing is lost: there is nothing by the name, or an older page. A directory is refused by writing. */
async function isReplaceable(output: string): Promise<boolean> {
  const found = await stat(output).catch(() => undefined);
  if (found === undefined || found.isDirectory()) return true;
  return found.isFile() && isInspectionPage(await readFile(output, 'utf8'));
}
