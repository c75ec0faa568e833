import { lchownSync, type Stats } from 'node:fs';

/** Root may work on what belongs to another user, who must be able to change it afterwards. */
export function giveTo({ uid, gid }: Pick<Stats, 'uid' | 'gid'>, file: string): void {
  if (process.geteuid?.() === 0) lchownSync(file, uid, gid);
}
