import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createXXHash3, type IHasher } from 'hash-wasm';
import { extract, type Header } from 'tar-stream';
import {
  decodeFrame,
  type ExecutableFile,
  ExecutableFileError,
  openExecutable,
  type Span,
  spansOf,
} from './executable-file.ts';
import { checkAuthenticode } from './executables/authenticode.ts';
import { checkCodeSignature } from './executables/check-code-signature.ts';
import type { Requirements } from './executables/elf.ts';
import { MalformedExecutableError } from './executables/errors.ts';
import { stubDigest } from './executables/stub-digest.ts';
import type { Frame, Manifest } from './manifest.ts';
import { readParts } from './read-full.ts';
import { StampError } from './stamp.ts';

/** One thing that was checked; `detail` says what was found when it is not ok. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface Verification {
  readonly file: string;
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly target: string | null;
  /** What the host must offer. */
  readonly requires: Requirements | null;
}

/**
 * Checks everything that can be checked of an executable without running it: stamp, manifest, every frame's stored
 * bytes, the runtime and every file of the release, the stub, and what the signature for macOS or Windows hashes; in a
 * universal file of each slice. Throws ExecutableFileError only when the file is none of ours.
 */
export async function verify(file: string): Promise<Verification> {
  const parts: Verification[] = [];
  let end = 0;
  try {
    for (const span of await spansOf(file)) {
      parts.push(await verifySpan(file, span));
      end = Math.max(end, span.offset + span.size);
    }
  } catch (error) {
    return unreadable(file, error);
  }
  const [first] = parts;
  if (parts.length === 1) return first!;
  const checks = parts.flatMap((part, index) =>
    part.checks.map((check) => ({ ...check, name: `${part.target ?? `slice ${index + 1}`}: ${check.name}` })),
  );
  const behind = (await stat(file)).size - end;
  const said =
    behind === 0 ? 'end with the file' : `${behind} bytes follow the last one. Get the file again.`;
  checks.push({ name: 'slices', ok: behind === 0, detail: said });
  return { file, ok: checks.every(({ ok }) => ok), checks, target: 'darwin-universal', requires: null };
}

/** Throws what says that the file is none of ours. */
function unreadable(file: string, error: unknown): Verification {
  const isDamaged =
    error instanceof StampError ||
    (error instanceof ExecutableFileError &&
      (error.code === 'TRUNCATED' || error.code === 'MANIFEST_DAMAGED'));
  if (!isDamaged) throw error;
  const checks = [{ name: 'stamp and manifest', ok: false, detail: error.message }];
  return { file, ok: false, checks, target: null, requires: null };
}

async function verifySpan(file: string, span: Span): Promise<Verification> {
  let executable: ExecutableFile;
  try {
    executable = await openExecutable(file, span);
  } catch (error) {
    return unreadable(file, error);
  }
  try {
    const { manifest } = executable;
    const checks = [
      { name: 'stamp and manifest', ok: true, detail: `id ${executable.id}` },
      await checkPart('runtime', executable, checkRuntime),
      await checkPart('release', executable, checkRelease),
      ...(executable.stamp.stubDigest === '' ? [] : [checkBytes('stub', executable, ofStub)]),
      ...(manifest.target.startsWith('darwin-') ? [checkBytes('signature', executable, ofCode)] : []),
      ...(manifest.target.startsWith('win-') ? [checkBytes('signature', executable, ofAuthenticode)] : []),
    ];
    return {
      file,
      ok: checks.every(({ ok }) => ok),
      checks,
      target: manifest.target,
      requires: manifest.requires,
    };
  } finally {
    await executable.close();
  }
}

/** A check of the file as its system sees it. */
function checkBytes(
  name: string,
  executable: ExecutableFile,
  check: (executable: ExecutableFile) => string,
): Check {
  try {
    return { name, ok: true, detail: check(executable) };
  } catch (error) {
    if (!(error instanceof Damage || error instanceof MalformedExecutableError)) throw error;
    return { name, ok: false, detail: error.message };
  }
}

/** On macOS the signature covers it. What lies in the payload, of any size, has been read for its own hashes. */
function ofStub({ file, span: { offset, size }, stamp, stampAt }: ExecutableFile): string {
  const { payloadOffset, manifestOffset, manifestLength } = stamp;
  const payloadEnd = manifestOffset + manifestLength;
  const bytes = readParts(file, offset, size, [
    [0, payloadOffset],
    [payloadEnd, size],
  ]);
  const digest = stubDigest(bytes, { stampAt, payloadOffset, payloadEnd });
  if (digest !== stamp.stubDigest) throw new Damage('it is not the one that was built. Get the file again.');
  return 'as it was built';
}

/**
 * What macOS would kill the program for. The bytes are held to the hashes in the signature; whether the certificate's key
 * signed these, and who trusts it, is not looked at.
 */
function ofCode({ file, span: { offset, size } }: ExecutableFile): string {
  const { identifier, isAdHoc } = checkCodeSignature(readParts(file, offset, size));
  return `fits the file and names it ${identifier}${isAdHoc ? ', ad hoc' : `; ${UNCHECKED}`}`;
}

/** What Windows would warn of, in the same way. */
function ofAuthenticode({ file, span: { offset, size } }: ExecutableFile): string {
  const signature = checkAuthenticode(readParts(file, offset, size));
  if (signature === null) return 'none';
  return `fits the file and names ${signature.signer} as signer; ${UNCHECKED}`;
}

const UNCHECKED = 'neither it nor the certificate is checked further';

class Damage extends Error {}

async function checkPart(
  part: Frame['part'],
  executable: ExecutableFile,
  check: (read: Decode, manifest: Manifest) => Promise<string>,
): Promise<Check> {
  try {
    return {
      name: part,
      ok: true,
      detail: await check((file) => decoded(part, file, executable), executable.manifest),
    };
  } catch (error) {
    if (error instanceof Damage || error instanceof ExecutableFileError) {
      return { name: part, ok: false, detail: error.message };
    }
    throw error;
  }
}

/** What is in the frames of a large file, or of no file: the runtime, or the tar. */
type Decode = (file?: string) => AsyncIterable<Buffer>;

/** The decoded frames of a part in order. */
async function* decoded(
  part: Frame['part'],
  file: string | undefined,
  executable: ExecutableFile,
): AsyncGenerator<Buffer> {
  const { frames } = executable.manifest;
  let position = 0;
  for (const [index, frame] of frames.entries()) {
    if (frame.part !== part || frame.file !== file) continue;
    if (frame.position !== position)
      throw new Damage(`frame ${index + 1} is said to begin at ${frame.position} instead of ${position}.`);
    position += frame.size;
    const content = decodeFrame(frame, await executable.stored(frame), executable.manifest);
    if (content.length !== frame.size)
      throw new Damage(`frame ${index + 1} has ${content.length} bytes instead of ${frame.size}.`);
    yield content;
  }
}

async function checkRuntime(read: Decode, { runtime }: Manifest): Promise<string> {
  const sha256 = createHash('sha256');
  for await (const bytes of read()) sha256.update(bytes);
  if (sha256.digest('hex') !== runtime.sha256) throw new Damage('the runtime does not match its SHA-256.');
  return `node ${runtime.version}, ${runtime.size} bytes`;
}

/** Directories, files and links of the tar, and files with frames of their own, are exactly those of the manifest. */
async function checkRelease(read: Decode, manifest: Manifest): Promise<string> {
  const expected = new Map([
    ...manifest.directories.map((path) => [path, directoryOf(0o755)] as const),
    ...manifest.files.map(({ path, mode, xxh3 }) => [path, fileOf(mode, xxh3)] as const),
    ...manifest.links.map(({ path, target }) => [path, linkTo(target)] as const),
  ]);
  const xxh3 = await createXXHash3();
  const reader = extract();
  const feed = (async () => {
    for await (const bytes of read()) {
      if (!reader.write(bytes)) await new Promise<void>((resolve) => reader.once('drain', () => resolve()));
    }
    reader.end(null);
  })();
  feed.catch((error) => reader.destroy(error as Error));
  // Nothing is awaited before this: a reader that ended unread would never say so.
  for await (const entry of reader) {
    const path = entry.header.name.replace(/\/$/, '');
    const said = expected.get(path);
    if (said === undefined) throw new Damage(`the release holds ${path}, which is not in its manifest.`);
    const found = await describe(entry.header, entry, xxh3);
    if (found !== said) throw new Damage(`${path} is ${found}, and ${said} in the manifest.`);
    expected.delete(path);
  }
  await feed;
  const large = new Set(manifest.frames.flatMap(({ file }) => file ?? []));
  for (const { path, mode, xxh3: said } of manifest.files.filter(({ path }) => large.has(path))) {
    xxh3.init();
    for await (const bytes of read(path)) xxh3.update(bytes);
    if (xxh3.digest('hex') !== said || !expected.delete(path))
      throw new Damage(`${path} is not what the manifest says: ${fileOf(mode, said)}.`);
  }
  const [missing] = expected.keys();
  if (missing !== undefined) throw new Damage(`${missing} is in the manifest, but not in the release.`);
  return `${manifest.files.length} files`;
}

async function describe(
  { type, mode = 0, linkname }: Header,
  content: AsyncIterable<unknown>,
  xxh3: IHasher,
): Promise<string> {
  xxh3.init();
  for await (const chunk of content) xxh3.update(chunk as Buffer);
  switch (type) {
    case 'directory':
      return directoryOf(mode);
    case 'file':
      return fileOf(mode, xxh3.digest('hex'));
    case 'symlink':
      return linkTo(linkname ?? '');
    default:
      return `of the type ${type}`;
  }
}

const directoryOf = (mode: number) => `a directory of mode ${mode.toString(8)}`;
const fileOf = (mode: number, xxh3: string) => `a file of mode ${mode.toString(8)} with the XXH3 ${xxh3}`;
const linkTo = (target: string) => `a link to ${target}`;
