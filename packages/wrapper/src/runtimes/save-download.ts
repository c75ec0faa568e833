import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { RegistryResponse } from 'npm-registry-fetch';
import { IntegrityError, UnreachableError } from './errors.ts';

/** Bytes so far, and of all that come if the server says so. */
export type OnProgress = (received: number, total: number | null) => void;

/**
 * Writes the body of an answer to a file. `url` is how messages call it; `integrity` is in the form of Subresource
 * Integrity, one hash: `sha512-<base64>`. Throws IntegrityError, UnreachableError, and what `onProgress` and writing throw.
 */
export async function saveDownload(
  { headers, body }: RegistryResponse,
  url: string,
  file: string,
  integrity: string | undefined,
  onProgress: OnProgress,
): Promise<void> {
  const length = headers.get('content-length');
  const total = length === null ? null : Number(length);
  const [algorithm = '', expected = ''] = (integrity ?? 'sha256').split(/-(.*)/s);
  const hash = createHash(algorithm);
  let received = 0;
  let stopped: unknown;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      hash.update(chunk);
      received += chunk.length;
      try {
        onProgress(received, total);
      } catch (error) {
        stopped = error;
        throw error;
      }
      yield chunk;
    }
  }
  const writer = createWriteStream(file);
  let written: Error | undefined;
  writer.on('error', (error) => {
    written = error;
  });
  try {
    await pipeline(counted(), writer);
  } catch (error) {
    // Else the rest would go on coming, and keep the process from its end.
    body.destroy(error as Error);
    // Whoever listens may end the download (Ctrl-C does): no reason to try again.
    if (stopped !== undefined) throw stopped;
    if (written !== undefined && 'syscall' in written) throw written;
    throw new UnreachableError(url, `the download broke off (${(error as Error).message})`, error);
  }
  if (total !== null && received < total) {
    throw new UnreachableError(url, `the download ended after ${received} of ${total} bytes`);
  }
  const found = hash.digest('base64');
  if (integrity === undefined || found === expected) return;
  throw new IntegrityError(
    `The download ${url}`,
    integrity,
    `${algorithm}-${found}`,
    'Nothing of it was kept. If a lock file (package-lock.json, sarma.lock.json) has the expected hash: was it changed? ' +
      'Else somebody between here and the publisher changes the download, or the mirror is broken.',
  );
}
