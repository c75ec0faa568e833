import type { Package } from '../packages/package.ts';
import { platformsOf, runsOn } from '../packages/platform.ts';
import { pathSaysOther, wordsOf } from '../packages/platform-names.ts';
import type { Target } from '../targets.ts';
import type { NativeFile } from './native-file.ts';

/**
 * Whether a file's package, folder or name says that it is for other machines than the target, or another version of
 * Node: then nothing loads it there, whatever it is (`prebuilds/darwin-x64`, `vendor/mac`, `bin/linux-x64-115`).
 * `inside` is its place in the package.
 */
export function liesWithOthers(
  inside: string,
  owner: Package,
  target: Target,
  file: NativeFile | null,
): boolean {
  const platforms = platformsOf(target);
  if (!platforms.some((platform) => runsOn(owner.name, owner.manifest.platform, platform))) return true;
  // What the project calls itself says nothing of its files.
  const told = owner.firstParty ? inside : `${owner.name}/${inside}`;
  return platforms.every((platform) => pathSaysOther(told, platform)) || saysOtherNode(wordsOf(told), file);
}

/** `abi115`, `linux-x64-115`, `node-20`: one of several, of which the package's loader chooses. */
function saysOtherNode(words: readonly string[], file: NativeFile | null): boolean {
  if (file?.abi?.api !== 'modules') return false;
  const { version } = file.abi;
  return words.some(
    (word, index) =>
      (version !== null && [`abi${version}`, `v${version}`, String(version)].includes(word)) ||
      (words[index - 1] === 'node' && /^v?\d+$/.test(word)),
  );
}
