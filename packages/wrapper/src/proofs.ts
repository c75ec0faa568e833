import { rm } from 'node:fs/promises';
import path from 'node:path';
import { addChecksums } from './checksums.ts';
import type { Deliver } from './deliver.ts';
import type { OnEvent } from './events.ts';
import { OutputError } from './outputs.ts';
import { readSbom, SbomError } from './sbom/read-sbom.ts';
import { writeWhole } from './write-whole.ts';

/** Where the bill of materials of an executable lies. */
export function billBeside(file: string): string {
  return `${file.replace(/\.exe$/, '')}.cdx.json`;
}

/**
 * Puts beside every executable, once it is complete and signed, what proves it: its bill of materials as
 * `NAME_TARGET.cdx.json`, and the hashes of both in `SHA256SUMS`. Steps of the user may leave the bill out.
 */
export function withProofs(deliver: Deliver, onEvent: OnEvent): Deliver {
  return async (build, program, contents) => {
    const delivered = await deliver(build, program, contents);
    const { file } = delivered;
    const sbom = billBeside(file);
    const content = await readSbom(file).catch((error) => {
      if (!(error instanceof SbomError)) throw error;
      onEvent({ type: 'notice', level: 'warning', target: build.target.name, message: error.message });
    });
    try {
      if (content) await writeWhole(sbom, content, 0o666);
      // That of another build says nothing of this one.
      else await rm(sbom, { force: true });
      const beside = content ? [sbom] : [];
      const sums = await addChecksums(path.dirname(file), [file, ...beside]);
      return { ...delivered, sidecars: [...beside, sums] };
    } catch (cause) {
      const message = `What lies beside ${file} could not be written: ${(cause as Error).message}. Make the folder writable, or name the file with -o: nothing is put beside it then.`;
      throw new OutputError('OUTPUT_NOT_WRITABLE', message, { cause });
    }
  };
}
