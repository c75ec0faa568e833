import { z } from 'zod';
import { checked } from '../definition/check.ts';
import { keyed, oneKeyOf } from '../definition/schema.ts';
import type { Appup } from './appup-file.ts';
import { isVersionOrRange } from './ranges.ts';

const text = z.string('expected a string').min(1, 'expected a string that is not empty');

const instruction = z.union(
  [z.literal('restart_node'), oneKeyOf({ load: text, reload: text, restart: text, start: text, stop: text })],
  'expected "restart_node", { "load": PACKAGE }, or { "reload" | "restart" | "start" | "stop": APP }',
);

const appupSchema = keyed({
  app: text,
  from: text.refine(isVersionOrRange, { error: 'expected a version, or a range like "0.1.x"' }),
  to: text,
  up: z.array(instruction, 'expected a list of instructions'),
  down: z.array(instruction, 'expected a list of instructions'),
  generated: text.optional(),
});

/** Throws ReleaseError APPUP_INVALID, which names the file, the key, what was found and what was expected. */
export function checkAppup(value: unknown, file: string): Appup & { readonly generated?: string } {
  return checked(appupSchema, value, file, [], 'APPUP_INVALID') as Appup & { readonly generated?: string };
}
