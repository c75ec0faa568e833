import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAuthenticode } from '../src/executables/authenticode.ts';
import { AlreadySignedError } from '../src/executables/errors.ts';
import { checksum, embed } from '../src/executables/pe.ts';
import { readPe } from '../src/executables/pe-headers.ts';
import { assemble, compileStub, STAMP_MAGIC } from './support/compile-stub.ts';
import { selfSigned } from './support/self-signed.ts';
import { hasTool } from './support/tools.ts';

const directory = mkdtempSync(join(tmpdir(), 'sarma-pe-'));
afterAll(() => rmSync(directory, { recursive: true }));

const signing = hasTool('osslsigncode') && hasTool('openssl');
const payload = Buffer.alloc(100_001, 'the payload of a test ');

beforeAll(() => {
  if (!signing) return;
  selfSigned(directory, 'Sarma test');
});

describe.each(['x86_64-windows-gnu', 'aarch64-windows-gnu', 'x86-windows-gnu'])('%s', (target) => {
  const stub = compileStub(target, '-fstrip');
  const embedding = embed(stub, payload.length);
  const file = assemble(stub, payload, embedding);

  test('a payload lies behind the last section, and nothing before it moves', () => {
    const sectionsEnd = Math.max(...readPe(file).sections.map(({ offset, size }) => offset + size));
    expect(embedding.payloadOffset).toBeGreaterThanOrEqual(sectionsEnd);
    expect(embedding.payloadOffset % 16).toBe(0);
    expect(file.indexOf(payload)).toBe(embedding.payloadOffset);
    expect(file[stub.indexOf(STAMP_MAGIC) + 20]).toBe(42);
  });

  test.skipIf(!signing)('signing afterwards moves nothing, and the signature covers the payload', () => {
    const signed = sign(file);
    expect(signed.indexOf(payload)).toBe(embedding.payloadOffset);
    expect(verify(signed)).toContain('Signature verification: ok');

    const damaged = Buffer.from(signed);
    damaged[embedding.payloadOffset + 50_000]! ^= 1;
    expect(verify(damaged)).not.toContain('Signature verification: ok');
    expect(verify(damaged)).toContain('MISMATCH');
  });

  test.skipIf(!signing)('a signature is read as it was made, by its digest and its signer', () => {
    expect(checkAuthenticode(file)).toBe(null);
    const signed = sign(file);
    expect(checkAuthenticode(signed)).toEqual({ algorithm: 'sha256', signer: 'CN=Sarma test' });
    const { certificates, checksumAt } = readPe(signed);
    signed[checksumAt]! ^= 1; // is not signed
    expect(checkAuthenticode(signed)).not.toBe(null);
    for (const at of [checksumAt + 4, embedding.payloadOffset + 50_000, certificates.offset - 1]) {
      const altered = Buffer.from(signed);
      altered[at]! ^= 1;
      expect(() => checkAuthenticode(altered), String(at)).toThrow('it was altered after it was signed');
    }
  });

  test.skipIf(!signing)('whatever stands in the place of a signature is refused in words', () => {
    const signed = sign(file);
    const { offset, size } = readPe(signed).certificates;
    expect(() => checkAuthenticode(signed.subarray(0, -8))).toThrow('its signature is cut off');
    for (let at = offset; at < offset + Math.min(size, 400); at++) {
      const altered = Buffer.from(signed);
      altered[at]! ^= 0x41;
      let error: unknown;
      try {
        checkAuthenticode(altered);
      } catch (caught) {
        error = caught;
      }
      if (error !== undefined) expect(error).toMatchObject({ code: 'MALFORMED_EXECUTABLE' });
    }
  });

  test.skipIf(!signing)('a certificate table begins where the file ended', () => {
    expect(readPe(sign(file)).certificates.offset).toBe(file.length);
  });

  test.skipIf(!signing)('a stub that is already signed is refused', () => {
    expect(() => embed(sign(stub), payload.length)).toThrow(AlreadySignedError);
  });

  test.skipIf(!signing)('the checksum is the one that osslsigncode writes', () => {
    const signed = sign(file);
    const { checksumAt } = readPe(signed);
    expect(signed.readUInt32LE(checksumAt)).toBe(checksum(signed, checksumAt));
  });

  test('the checksum is computed where the stub has one', () => {
    const { checksumAt } = readPe(stub);
    const checked = Buffer.from(stub);
    checked.writeUInt32LE(1, checksumAt);
    const sealed = assemble(checked, payload, embed(checked, payload.length));
    expect(sealed.readUInt32LE(checksumAt)).toBe(checksum(sealed, checksumAt));
    expect(file.readUInt32LE(checksumAt)).toBe(0);
  });
});

test('a cut off file and something else are no stubs', () => {
  const stub = compileStub('x86_64-windows-gnu', '-fstrip');
  for (const broken of [
    Buffer.alloc(0),
    Buffer.alloc(500, 'MZ'),
    stub.subarray(0, 300),
    stub.subarray(0, -600),
  ])
    expect(() => embed(broken, 1)).toThrow(expect.objectContaining({ code: 'MALFORMED_EXECUTABLE' }));
});

function sign(file: Buffer): Buffer {
  writeFileSync(join(directory, 'unsigned.exe'), file);
  rmSync(join(directory, 'signed.exe'), { force: true });
  const key = ['-certs', 'certificate.pem', '-key', 'key.pem', '-h', 'sha256'];
  const files = ['-in', 'unsigned.exe', '-out', 'signed.exe'];
  execFileSync('osslsigncode', ['sign', ...key, ...files], { cwd: directory, stdio: 'pipe' });
  return readFileSync(join(directory, 'signed.exe'));
}

function verify(file: Buffer): string {
  writeFileSync(join(directory, 'verified.exe'), file);
  const command = ['verify', '-CAfile', 'certificate.pem', '-in', 'verified.exe'];
  const { stdout, stderr } = spawnSync('osslsigncode', command, { cwd: directory, encoding: 'utf8' });
  return stdout + stderr;
}
