import { createHash, X509Certificate } from 'node:crypto';
import { DER, type DerValue, dotted, readDer, readValue } from './der.ts';
import { MalformedExecutableError } from './errors.ts';
import { type Pe, readPe } from './pe-headers.ts';

// "Windows Authenticode Portable Executable Signature Format", Microsoft; PKCS #7 is RFC 2315.
const WIN_CERT_TYPE_PKCS_SIGNED_DATA = 2;
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const SPC_INDIRECT_DATA = '1.3.6.1.4.1.311.2.1.4';
/** Digest algorithms by the names that Node has for them. */
const ALGORITHMS = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** What a signature says of a Windows executable whose bytes are as they were signed. */
export interface Authenticode {
  /** Subject of the signer's certificate, as it says itself. */
  readonly signer: string;
  readonly algorithm: string;
}

/**
 * Checks that a Windows executable has the digest that its signature says; null if it has no signature. Says nothing of
 * certificates, or of who made the signature. Throws MalformedExecutableError.
 */
export function checkAuthenticode(file: Buffer): Authenticode | null {
  const pe = readPe(file);
  if (pe.certificates.size === 0) return null;
  const { algorithm, digest, signer } = readSignature(signedData(file, pe));
  const found = digestOf(file, pe, algorithm);
  if (!found.equals(digest))
    throw malformed(
      `it was altered after it was signed (its ${algorithm} digest is not the one that was signed)`,
    );
  return { algorithm, signer };
}

const MOST = 2 ** 30;

/** Of everything but the checksum, the entry of the certificate table, and that table. */
function digestOf(file: Buffer, { checksumAt, certificates, certificatesAt }: Pe, algorithm: string): Buffer {
  const tableEnd = certificates.offset + certificates.size;
  const hash = createHash(algorithm)
    .update(file.subarray(0, checksumAt))
    .update(file.subarray(checksumAt + 4, certificatesAt));
  // A hash takes less than 2 GiB at once.
  for (let at = certificatesAt + 8; at < certificates.offset; at += MOST)
    hash.update(file.subarray(at, Math.min(at + MOST, certificates.offset)));
  return hash.update(file.subarray(tableEnd)).digest();
}

/** The first attribute certificate. */
function signedData(file: Buffer, { certificates: { offset, size } }: Pe): Buffer {
  if (size < 8 || offset + size > file.length) throw malformed('its signature is cut off');
  const length = file.readUInt32LE(offset);
  if (length < 8 || length > size || file.readUInt16LE(offset + 6) !== WIN_CERT_TYPE_PKCS_SIGNED_DATA)
    throw malformed('its signature is of an unknown kind');
  return file.subarray(offset + 8, offset + length);
}

function readSignature(bytes: Buffer) {
  const [kind, signed] = children(readValue(bytes));
  const [, , info, ...rest] = children(children(signed)[0]);
  const [contentKind, content] = children(info);
  if (identifier(kind) !== SIGNED_DATA || identifier(contentKind) !== SPC_INDIRECT_DATA) throw unreadable();
  const [, digestInfo] = children(children(content)[0]);
  const [algorithmInfo, digest] = children(digestInfo);
  const algorithm = ALGORITHMS.get(identifier(children(algorithmInfo)[0]));
  if (algorithm === undefined || digest?.tag !== DER.octetString) throw unreadable();
  return { algorithm, digest: digest.content, signer: signerOf(rest) };
}

/** Among the certificates, the one with the number that the first SignerInfo, in the last set, names. */
function signerOf(rest: readonly DerValue[]): string {
  const certificates = rest.find(({ tag }) => tag === DER.context0);
  const [, issuerAndSerial] = children(children(rest.at(-1))[0]);
  const serial = children(issuerAndSerial)[1]?.content.toString('hex') || '0';
  for (const { whole } of certificates === undefined ? [] : children(certificates)) {
    const certificate = readCertificate(whole);
    if (BigInt(`0x${certificate.serialNumber}`) === BigInt(`0x${serial}`))
      return certificate.subject.replaceAll('\n', ', ');
  }
  throw unreadable();
}

function readCertificate(bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch {
    throw unreadable();
  }
}

function children(value: DerValue | null | undefined): readonly DerValue[] {
  const values = value && readDer(value.content);
  if (!values) throw unreadable();
  return values;
}

function identifier(value: DerValue | undefined): string {
  return value?.tag === DER.objectIdentifier ? dotted(value.content) : '';
}

function unreadable(): MalformedExecutableError {
  return malformed('its signature cannot be read');
}

function malformed(what: string): MalformedExecutableError {
  return new MalformedExecutableError('PE', what);
}
