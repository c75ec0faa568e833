import { type ExecutableFile, openExecutable, spansOf } from '../executable-file.ts';
import { releaseFileOf } from '../release-file.ts';
import { sbomPath } from './release-sbom.ts';

export class SbomError extends Error {
  override readonly name = 'SbomError';
  readonly code = 'SBOM_MISSING';
}

/**
 * The bill of materials inside an executable, without running it; of a universal one, those of its slices in one.
 * Throws SbomError where there is none, and what `openExecutable` throws.
 */
export async function readSbom(file: string): Promise<Buffer> {
  const found: Buffer[] = [];
  for (const span of await spansOf(file)) {
    const executable = await openExecutable(file, span);
    try {
      found.push(await sbomOf(executable));
    } finally {
      await executable.close();
    }
  }
  if (found.length === 1) return found[0]!;
  const { joinBills } = await import('./join-bills.ts');
  return joinBills(found);
}

/** That of one executable. Throws SbomError. */
export async function sbomOf(executable: ExecutableFile): Promise<Buffer> {
  const content = await releaseFileOf(executable, sbomPath(executable.manifest));
  if (content !== undefined) return content;
  throw new SbomError(
    `${executable.file} holds no bill of materials: it was made by an older Sarma, or by steps that leave it out.`,
  );
}
