import { createHash } from 'node:crypto';
import type { UpgradeInstruction } from '@sarma/boot';
import { ReleaseError, reasonOf } from '../error.ts';

/**
 * `rel/appups/<application>/<from>_<to>.json`: what an upgrade does to one application, for review and editing.
 * `from` and `to` are versions of the release; `from` may be a range (`0.1.x`).
 */
export interface Appup {
  readonly app: string;
  readonly from: string;
  readonly to: string;
  readonly up: readonly UpgradeInstruction[];
  readonly down: readonly UpgradeInstruction[];
}

export interface AppupFile extends Appup {
  /** An absolute path. */
  readonly file: string;
  /** The digest of what was written by Sarma; undefined in a file that a person wrote, or made their own. */
  readonly generated: string | undefined;
}

/** Reads what stands in a file, `where` it is said to stand. Throws ReleaseError APPUP_INVALID. */
export async function parseAppup(text: string, file: string): Promise<AppupFile> {
  const { checkAppup } = await import('./appup-schema.ts');
  const { generated, ...appup } = checkAppup(parseJson(text, file), file);
  return { ...appup, file, generated };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ReleaseError('APPUP_INVALID', `${file}: expected JSON: ${reasonOf(cause)}`, { cause });
  }
}

/** Whether a person has changed it since Sarma wrote it; how it is indented does not matter. */
export function isEdited(appup: AppupFile): boolean {
  return appup.generated !== digestOf(appup);
}

/** One instruction on a line. */
export function appupText(appup: Appup): string {
  const list = (instructions: readonly UpgradeInstruction[]): string =>
    instructions.length === 0
      ? '[]'
      : `[\n${instructions.map((one) => `    ${instructionText(one)}`).join(',\n')}\n  ]`;
  const { app, from, to, up, down } = appup;
  const lines = [
    `"app": ${JSON.stringify(app)}`,
    `"from": ${JSON.stringify(from)}`,
    `"to": ${JSON.stringify(to)}`,
    `"up": ${list(up)}`,
    `"down": ${list(down)}`,
    `"generated": ${JSON.stringify(digestOf(appup))}`,
  ];
  return `{\n${lines.map((line) => `  ${line}`).join(',\n')}\n}\n`;
}

/** `{ "reload": "kv" }`, as formatters write it. */
export function instructionText(instruction: UpgradeInstruction): string {
  if (instruction === 'restart_node') return JSON.stringify(instruction);
  const [[word, name]] = Object.entries(instruction) as [[string, string]];
  return `{ ${JSON.stringify(word)}: ${JSON.stringify(name)} }`;
}

function digestOf({ app, from, to, up, down }: Appup): string {
  const hash = createHash('sha256').update(JSON.stringify({ app, from, to, up, down }));
  return `sha256:${hash.digest('hex')}`;
}

/** Where two that are meant to be the same differ, one line for each direction; [] where they do not. */
export function differences(found: Appup, wanted: Appup): readonly string[] {
  return (['up', 'down'] as const).flatMap((direction) => {
    const [there, fresh] = [found[direction].map(instructionText), wanted[direction].map(instructionText)];
    const length = Math.max(there.length, fresh.length);
    const at = Array.from({ length }, (_, index) => index).find((index) => there[index] !== fresh[index]);
    if (at === undefined) return [];
    return [`${direction}[${at}]: found ${there[at] ?? 'nothing'}, computed ${fresh[at] ?? 'nothing'}`];
  });
}
