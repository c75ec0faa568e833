import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Gives a new file the file capabilities (capabilities(7)) of an old one. Only Linux has them and only root can; by libcap's
 * tools, with one of which they were given. Rejects where they cannot be given.
 */
export async function handOnCapabilities(from: string, to: string): Promise<void> {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return;
  const { stdout } = await promisify(execFile)('getcap', [from]).catch(() => ({ stdout: '' }));
  // `FILE cap_chown=ep`; `FILE = cap_chown+ep` before libcap 2.41.
  const capabilities = stdout
    .trim()
    .slice(from.length)
    .replace(/^ (= )?/, '');
  if (capabilities !== '') await promisify(execFile)('setcap', [capabilities, to]);
}
