import { embed as embedElf } from './elf.ts';
import type { Embedding } from './embedding.ts';
import { MalformedExecutableError } from './errors.ts';
import { identify } from './identify.ts';
import { embed as embedMacho } from './macho.ts';
import { embed as embedPe } from './pe.ts';

const FORMATS = { linux: 'elf', darwin: 'macho', win: 'pe' } as const;

/**
 * Makes room for `payloadLength` bytes of payload in a stub for `os`. `identifier` names the program in
 * the ad-hoc signature of a Mach-O file. Throws MalformedExecutableError, also for a stub of another
 * system, AlreadySignedError and NoRoomError.
 */
export function embed(
  os: 'linux' | 'darwin' | 'win',
  stub: Buffer,
  payloadLength: number,
  identifier: string,
): Embedding {
  const format = identify(stub)?.format;
  if (format !== FORMATS[os])
    throw new MalformedExecutableError(FORMATS[os], `the stub for ${os} is ${format ?? 'none at all'}`);
  if (format === 'elf') return embedElf(stub, payloadLength);
  if (format === 'pe') return embedPe(stub, payloadLength);
  return embedMacho(stub, payloadLength, identifier);
}
