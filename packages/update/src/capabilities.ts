import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UpdateError } from './error.ts';

// File capabilities (capabilities(7)), by libcap's tools: with one of them they were given. Some put these where only root's PATH
// leads, and `su` keeps the user's.
const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };

/** As setcap(8) takes them. Empty where there are none, or where this user could not give them; undefined without `getcap`. */
export async function capabilitiesOf(file: string): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return '';
  try {
    const { stdout } = await promisify(execFile)('getcap', [file], { env });
    // `FILE cap_chown=ep`; `FILE = cap_chown+ep` before libcap 2.41.
    return stdout
      .trim()
      .slice(file.length)
      .replace(/^ (= )?/, '');
  } catch (error) {
    // A number is its exit code: a file system without them.
    return typeof (error as NodeJS.ErrnoException).code === 'string' ? undefined : '';
  }
}

/** Gives a new file those of an old one. Throws UpdateError NOT_WRITABLE where they cannot be given. */
export async function handOnCapabilities(from: string, to: string): Promise<void> {
  const capabilities = await capabilitiesOf(from);
  if (!capabilities) return;
  await promisify(execFile)('setcap', [capabilities, to], { env }).catch((cause: Error) => {
    const message = `The new version cannot be given the file capabilities of ${from}: ${cause.message.trim()}.`;
    throw new UpdateError('NOT_WRITABLE', message, { cause });
  });
}
