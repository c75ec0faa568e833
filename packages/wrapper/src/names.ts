import type { Target } from './targets.ts';
import type { Tree } from './tree.ts';

export class NameError extends Error {
  override readonly name = 'NameError';
  readonly code = 'NAME_IMPOSSIBLE';
}

/** Names Windows keeps for devices, with any extension (learn.microsoft.com, "Naming Files, Paths, and Namespaces"). */
const DEVICE = /^(con|conin\$|conout\$|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a name
const FORBIDDEN = /[<>:"|?*\\\u0000-\u001f]|[. ]$/;

/**
 * Throws NameError when the target's file system cannot hold a name of the release, or cannot hold two of them apart.
 * Elsewhere than on Linux, names that differ only in case or in Unicode normalisation are one name.
 */
export function checkNames(tree: Tree, target: Target): void {
  if (target.os === 'linux') return;
  const seen = new Map<string, string>();
  for (const path of [
    ...tree.directories,
    ...tree.files.map((f) => f.path),
    ...tree.links.map((l) => l.path),
  ]) {
    if (target.os === 'win') checkWindowsName(path, target);
    const folded = path.normalize('NFC').toLowerCase();
    const other = seen.get(folded);
    if (other !== undefined) {
      throw new NameError(
        `"${other}" and "${path}" are one name on ${target.name}. Rename one of them or leave it out of the release.`,
      );
    }
    seen.set(folded, path);
  }
}

function checkWindowsName(path: string, target: Target): void {
  const bad = path.split('/').find((part) => DEVICE.test(part) || FORBIDDEN.test(part));
  if (bad !== undefined) {
    throw new NameError(
      `"${path}" cannot exist on ${target.name}: Windows has no file called "${bad}". Rename it or leave it out of the release.`,
    );
  }
}
