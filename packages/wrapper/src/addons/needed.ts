import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { familiesOf } from '../native/family.ts';
import type { InstalledPackage } from '../packages/package.ts';
import type { FoundAddon } from './found.ts';

/**
 * Marks the missing addons that the project runs without: of optional dependencies, of what falls back to JavaScript,
 * and of what the user skips.
 */
export function markOptional(
  found: readonly FoundAddon[],
  packages: readonly InstalledPackage[],
  isSkipped: (one: InstalledPackage) => boolean,
): readonly FoundAddon[] {
  if (!found.some(({ how }) => how === 'missing')) return found;
  const { isRequired } = familiesOf(packages);
  const canDoWithout = ({ package: name }: FoundAddon) =>
    !isRequired(name) || packages.some((one) => one.name === name && (isSkipped(one) || hasFallback(one)));
  return found.map((one) => (one.how === 'missing' && canDoWithout(one) ? { ...one, optional: true } : one));
}

/** `try { require('node-gyp-build')(__dirname) } catch { require('./fallback') }`, as bufferutil and others have it. */
function hasFallback({ directory, manifest }: InstalledPackage): boolean {
  const main = path.join(directory, manifest.main ?? 'index.js');
  const file = [main, `${main}.js`, path.join(main, 'index.js')].find(
    (one) => existsSync(one) && statSync(one).isFile(),
  );
  return file !== undefined && /catch[\s\S]{0,80}require\(['"]\.\/fallback/.test(readFileSync(file, 'utf8'));
}
