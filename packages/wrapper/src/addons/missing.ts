import type { OnEvent } from '../events.ts';
import { AddonMissingError } from './errors.ts';
import type { FoundAddon } from './found.ts';

/** Says of what is missing that it is, as a warning where the project can do without. Throws AddonMissingError. */
export function reportMissing(found: readonly FoundAddon[], target: string, onEvent: OnEvent): void {
  const missing = found.filter(({ how }) => how === 'missing');
  for (const one of missing.filter(({ optional }) => optional)) {
    const message = `${title(one)}, which ${target} can do without: ${reason(one)}`;
    onEvent({ type: 'notice', level: 'warning', target, message });
  }
  const error = missingError(found, target);
  if (error !== undefined) throw error;
}

/** Undefined where nothing is missing that the project needs. */
export function missingError(found: readonly FoundAddon[], target: string): AddonMissingError | undefined {
  const needed = found.filter(({ how, optional }) => how === 'missing' && !optional);
  if (needed.length === 0) return undefined;
  const lines = needed.map((one) => `  ${title(one)}: ${reason(one)}`).join('\n');
  const flags = needed.map((one) => `--skip-addons '${one.package}'`).join(' ');
  return new AddonMissingError(
    `${needed.length === 1 ? 'A package has' : `${needed.length} packages have`} no native addon for ${target}:\n${lines}\n` +
      `${needed.some(({ advice }) => advice === undefined) ? REMEDIES : ' '} If the program does without on ${target}: ${flags}`,
  );
}

const REMEDIES =
  '  Say how it is built for other machines with wrap.addons.rebuild in sarma.config.ts ' +
  '(docs/addons.md), or choose a version of the package that has it.';

function reason({ detail, advice }: FoundAddon): string {
  return advice === undefined ? `${detail}.` : `${detail}. ${advice}`;
}

function title({ package: name, version }: FoundAddon): string {
  return `${name}@${version}`;
}
