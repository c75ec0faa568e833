import { fileURLToPath } from 'node:url';
import { SETTINGS, type UpdateSettings, type UpdateTrust } from '@sarma/update';
import { bundleModule } from './boot/bundle-module.ts';
import { versionFolder } from './boot/release-files.ts';
import type { Release } from './release.ts';
import type { Tree } from './tree.ts';

/**
 * Adds what an executable needs to take later versions of itself: the updater, which the stub executes, and where they are
 * published. `entries` are those of the assembled release.
 */
export async function addUpdater(
  tree: Tree,
  release: Release,
  trust: UpdateTrust,
  entries: Readonly<Record<string, string>>,
): Promise<void> {
  const { name, version, kind } = release;
  const settings: UpdateSettings = { name, version, kind, programs: entries, ...trust };
  const code = await bundleModule(fileURLToPath(import.meta.resolve('@sarma/update/main')));
  const folder = versionFolder(release);
  tree.set(`${folder}/update.mjs`, { type: 'text', text: code, mode: 0o644 });
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  tree.set(`${folder}/${SETTINGS}`, { type: 'text', text, mode: 0o644 });
}
