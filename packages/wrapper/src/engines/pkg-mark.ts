import { createReadStream } from 'node:fs';

/** Lies in every release that pkg packs: its name tells whose executable it is, and can be read in the file. */
export const PKG_MARK = '.made-by-sarma';

/** Whether a file was made by this engine. Throws what reading it throws. */
export async function isPkgExecutable(file: string): Promise<boolean> {
  let rest = '';
  for await (const chunk of createReadStream(file, { encoding: 'latin1', highWaterMark: 1024 * 1024 })) {
    const text = rest + chunk;
    if (text.includes(PKG_MARK)) return true;
    rest = text.slice(-PKG_MARK.length);
  }
  return false;
}
