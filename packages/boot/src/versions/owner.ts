import { chmodSync, lchownSync, readdirSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';

/** A user, and the group of what he has. */
export type Owner = Readonly<Pick<Stats, 'uid' | 'gid'>>;

/**
 * Whom a directory belongs to, where that is somebody else and this is root: he may exchange what lies there at any moment,
 * so root works there with his rights, and executes nothing of it with others. Undefined: it is done as it is.
 */
export function otherOwner(directory: string): Owner | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const found = statSync(directory, { throwIfNoEntry: false });
  return found === undefined || found.uid === 0 ? undefined : { uid: found.uid, gid: found.gid };
}

/** Works with the files of that user. It is all of the process that does: not for one that has anything else to do. */
export async function asOwner<Result>(
  owner: Owner | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  if (owner === undefined) return await work();
  const group = process.getegid!();
  process.setegid!(owner.gid);
  process.seteuid!(owner.uid);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
    process.setegid!(group);
  }
}

/** Starts a process of that user: `start` gets what says so to `spawn`. For good, so it takes root, in `asOwner` too. */
export function startAs<Child>(owner: Owner | undefined, start: (options: Partial<Owner>) => Child): Child {
  if (owner === undefined) return start({});
  const user = process.geteuid!();
  process.seteuid!(0);
  try {
    return start(owner);
  } finally {
    process.seteuid!(user);
  }
}

/** Root may work on what belongs to another user, who must be able to change it afterwards. */
export function giveTo({ uid, gid }: Owner, file: string): void {
  if (process.geteuid?.() === 0) lchownSync(file, uid, gid);
}

/** The same for all that is in a folder, which others may look into, whatever the umask is. */
export function giveFolder(owner: Owner, folder: string): void {
  giveTo(owner, folder);
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) giveFolder(owner, file);
    else giveTo(owner, file);
  }
}
