import type { OnEvent } from '../events.ts';
import { inMegabytes, largest, WORTH_A_LINE } from '../native/foreign-bytes.ts';
import type { FindAddons } from './find-addons.ts';
import type { TargetAddons } from './found.ts';
import { reportMissing } from './missing.ts';

/**
 * Searches for a target's addons once, whoever asks for them, and tells what was found. Besides what `find` throws:
 * AddonMissingError.
 */
export function toldAddons(find: FindAddons, onEvent: OnEvent): FindAddons {
  const told = new Map<string, ReturnType<FindAddons>>();
  return (packages, question) => {
    const { name } = question.target;
    const addons = told.get(name) ?? findAndTell(find, packages, question, onEvent);
    told.set(name, addons);
    return addons;
  };
}

async function findAndTell(
  find: FindAddons,
  packages: Parameters<FindAddons>[0],
  question: Parameters<FindAddons>[1],
  onEvent: OnEvent,
): ReturnType<FindAddons> {
  const { name } = question.target;
  const addons = await find(packages, question);
  if (addons.found.length > 0) onEvent({ type: 'addons', target: name, found: addons.found });
  reportMissing(addons.found, name, onEvent);
  reportLeft(addons.left, name, onEvent);
  return addons;
}

function reportLeft(left: TargetAddons['left'], target: string, onEvent: OnEvent): void {
  const all = left.reduce((sum, { bytes }) => sum + bytes, 0);
  if (all < WORTH_A_LINE) return;
  const message = `left out ${inMegabytes(all)} of native files for other systems (${largest(left)}); strip.keep keeps some, strip: false all`;
  onEvent({ type: 'notice', level: 'info', target, message });
}
