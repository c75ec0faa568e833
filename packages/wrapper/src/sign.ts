import { chmod, lstat, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Delivered } from './artifact.ts';
import { type Command, runCommand } from './command.ts';
import { type Contents, contentSize } from './contents.ts';
import type { OnEvent } from './events.ts';
import { checkAuthenticode } from './executables/authenticode.ts';
import { checkCodeSignature } from './executables/check-code-signature.ts';
import { MalformedExecutableError } from './executables/errors.ts';
import { slicesOf } from './executables/fat.ts';
import { stubDigest } from './executables/stub-digest.ts';
import { notWritable, writeExecutable } from './outputs.ts';
import { readParts } from './read-full.ts';
import { decodeStamp, findStamp, STAMP_SIZE } from './stamp.ts';
import type { Target } from './targets.ts';

/** How an executable is signed. */
export interface Signing {
  /** Has to sign `{file}` in place; `{target}`, `{name}` and `{version}` are known to it too. */
  readonly command: Command;
  /** Where the command comes from, for messages. */
  readonly key: string;
  readonly target: Target;
  /** Of the program. */
  readonly name: string;
  readonly version: string;
  /** Where the command is run. */
  readonly directory: string;
  /** Ends the command. */
  readonly signal: AbortSignal | undefined;
  readonly onEvent: OnEvent;
}

/** What the user's command made of an executable is no signed executable of ours. */
export class SignError extends Error {
  override readonly name = 'SignError';
  readonly code = 'SIGNED_IS_DAMAGED';
}

/**
 * Has an executable signed by a command of the user's before it appears as `file`: in a folder of its own beside it,
 * under its own name, which some signers sign. What is there by the name before stays when that fails. Throws
 * CommandError, SignError, and OutputError.
 */
export async function signExecutable(file: string, contents: Contents, signing: Signing): Promise<Delivered> {
  const { command, key, target, name, version, directory, signal, onEvent } = signing;
  const replaced = (await stat(file).catch(() => undefined)) !== undefined;
  const folder = await folderFor(file, contentSize(contents));
  try {
    const signed = path.join(folder, path.basename(file));
    await writeExecutable(signed, contents);
    const bytes = readParts(signed, 0, contentSize(contents));
    const values = { file: signed, target: target.name, name, version };
    await runCommand(command, `${key} for ${target.name}`, values, directory, signal);
    const found = await readSigned(signed, signing);
    checkSigned(bytes, found, signing);
    await publish(signed, file, found.length);
    const message = `${path.basename(file)} was signed by ${key}.`;
    onEvent({ type: 'notice', level: 'info', message, target: target.name });
    return { file, bytes: found.length, replaced, sidecars: [] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function folderFor(file: string, bytes: number): Promise<string> {
  try {
    await mkdir(path.dirname(file), { recursive: true });
    return await mkdtemp(path.join(path.dirname(file), `.${path.basename(file)}.`));
  } catch (cause) {
    throw notWritable(file, bytes, cause);
  }
}

async function publish(signed: string, file: string, bytes: number): Promise<void> {
  try {
    // A command that writes another file and moves it here may have lost the mode.
    await chmod(signed, 0o755);
    await rename(signed, file);
  } catch (cause) {
    throw notWritable(file, bytes, cause);
  }
}

async function readSigned(file: string, signing: Signing): Promise<Buffer> {
  const found = await lstat(file).catch(() => undefined);
  if (!found?.isFile()) throw damaged('it left no file by that name', signing);
  return readParts(file, 0, found.size);
}

/**
 * Signing may change headers and add to the end. Stamp, stub and payload must be what they were, or the program cannot start,
 * and there has to be a signature that fits: a command that does nothing must not pass for one that signs.
 */
function checkSigned(before: Buffer, after: Buffer, signing: Signing): void {
  if (after.equals(before)) throw damaged('it left the file as it was', signing);
  const isMacos = signing.target.os === 'darwin';
  try {
    const unsigned = slicesOf(before);
    const signed = slicesOf(after);
    if (unsigned.length !== signed.length) throw damaged('it lost a part for one of the CPUs', signing);
    for (const [index, slice] of signed.entries()) {
      if (!holdsPayload(unsigned[index]!, slice))
        throw damaged('what the executable unpacks has changed', signing);
      const signature = isMacos ? checkCodeSignature(slice) : checkAuthenticode(slice);
      if (signature === null) throw damaged('it has no signature', signing);
      if (!holdsStub(slice)) throw damaged('the program before what it unpacks has changed', signing);
    }
  } catch (error) {
    if (error instanceof MalformedExecutableError) throw damaged(error.message, signing);
    throw error;
  }
}

function holdsPayload(before: Buffer, after: Buffer): boolean {
  const at = findStamp(before);
  const stamp = before.subarray(at, at + STAMP_SIZE);
  const { payloadOffset, manifestOffset, manifestLength } = decodeStamp(stamp);
  const end = manifestOffset + manifestLength;
  return (
    after.length >= end &&
    after.subarray(at, at + STAMP_SIZE).equals(stamp) &&
    after.subarray(payloadOffset, end).equals(before.subarray(payloadOffset, end))
  );
}

/** Of Windows; on macOS signing changes load commands. */
function holdsStub(executable: Buffer): boolean {
  const stampAt = findStamp(executable);
  const stamp = decodeStamp(executable.subarray(stampAt, stampAt + STAMP_SIZE));
  const { payloadOffset, manifestOffset, manifestLength } = stamp;
  const payloadEnd = manifestOffset + manifestLength;
  return stubDigest(executable, { stampAt, payloadOffset, payloadEnd }) === stamp.stubDigest;
}

function damaged(what: string, { key, target }: Signing): SignError {
  return new SignError(
    `${key} did not leave a signed executable for ${target.name}: ${what}. ` +
      'The command has to sign the file that {file}, or $SARMA_FILE, stands for in place, and change nothing else of it.',
  );
}
