import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { decodeFrame, openExecutable } from '../../src/executable-file.ts';

/** The files of the release in an executable by their paths, without running it. */
export async function filesInside(file: string): Promise<ReadonlyMap<string, Buffer>> {
  const executable = await openExecutable(file);
  try {
    const { manifest } = executable;
    const tar: Buffer[] = [];
    const pieces = new Map<string, Buffer[]>();
    for (const frame of manifest.frames.filter(({ part }) => part === 'release')) {
      const decoded = decodeFrame(frame, await executable.stored(frame), manifest);
      if (frame.file === undefined) tar.push(decoded);
      else pieces.set(frame.file, [...(pieces.get(frame.file) ?? []), decoded]);
    }
    const reader = extract();
    reader.end(Buffer.concat(tar));
    const files = new Map([...pieces].map(([name, parts]) => [name, Buffer.concat(parts)] as const));
    for await (const entry of reader) {
      const content = await buffer(entry);
      if (entry.header.type === 'file') files.set(entry.header.name, content);
    }
    return files;
  } finally {
    await executable.close();
  }
}
