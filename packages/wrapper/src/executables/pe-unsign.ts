import { MalformedExecutableError } from './errors.ts';
import { checksum } from './pe.ts';
import { readPe } from './pe-headers.ts';

/**
 * A copy of a Windows executable that somebody changed, without the signature that does not fit it any more, and with its
 * checksum set right if it has one. Throws MalformedExecutableError.
 */
export function unsign(executable: Buffer): Buffer {
  const { certificates, certificatesAt, checksumAt } = readPe(executable);
  const isSigned = certificates.size !== 0;
  if (isSigned && certificates.offset + certificates.size !== executable.length)
    throw new MalformedExecutableError('PE', 'its certificate table does not end the file');
  const result = Buffer.from(executable.subarray(0, isSigned ? certificates.offset : executable.length));
  if (isSigned) result.fill(0, certificatesAt, certificatesAt + 8);
  if (result.readUInt32LE(checksumAt) !== 0) result.writeUInt32LE(checksum(result, checksumAt), checksumAt);
  return result;
}
