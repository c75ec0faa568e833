import path from 'node:path';
import { addChecksums } from './checksums.ts';
import type { Deliver } from './deliver.ts';
import { OutputError } from './outputs.ts';
import { readSbom } from './sbom/read-sbom.ts';
import { writeWhole } from './write-whole.ts';

/**
 * Puts beside every executable, once it is complete and signed, what proves it: its bill of materials as
 * `NAME_TARGET.cdx.json`, and the hashes of both in `SHA256SUMS`.
 */
export function withProofs(deliver: Deliver): Deliver {
  return async (build, program, bytes) => {
    const delivered = await deliver(build, program, bytes);
    const { file } = delivered;
    const sbom = `${file.replace(/\.exe$/, '')}.cdx.json`;
    const content = await readSbom(file);
    try {
      await writeWhole(sbom, content, 0o666);
      await addChecksums(path.dirname(file), [file, sbom]);
    } catch (cause) {
      const message = `The proofs of ${file} could not be written: ${(cause as Error).message}.`;
      throw new OutputError('OUTPUT_NOT_WRITABLE', message, { cause });
    }
    return delivered;
  };
}
