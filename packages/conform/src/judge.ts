import { isPlainObject } from '@sarma/app/internal';
import type { Problem } from './error.ts';
import { everyNamed, type ResolvedMapping } from './mappings.ts';
import type { Schema } from './schema.ts';
import { withoutValue } from './secrecy.ts';
import type { Source } from './source.ts';
import type { Validator } from './validators.ts';

/** A value, and where it comes from: undefined for a group, whose values have their own. */
export interface Found {
  readonly value: unknown;
  readonly source: Source | undefined;
  readonly key: string;
  readonly place: Place;
  /** What is said of it may not have it in it. */
  readonly isSecret?: boolean;
}

export type Place = Pick<Problem, 'file' | 'line' | 'column' | 'variable'>;

interface Judged {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** What the validators of a mapping say of its value. */
export function validatorOf(schema: Schema): (mapping: ResolvedMapping, found: Found) => Judged {
  const named = new Map(everyNamed(schema, 'validators'));
  return ({ validators = [] }, { value, key, place, isSecret: secret }) => {
    const shown = (text: string) => (secret ? withoutValue(text, value) : text);
    const problems: Problem[] = [];
    const warnings: Problem[] = [];
    for (const one of validators) {
      const validator = typeof one === 'string' ? named.get(one)! : one;
      const verdict = judge(validator, value, key);
      if ('error' in verdict) problems.push({ ...place, key, message: shown(verdict.error) });
      else if ('warn' in verdict) warnings.push({ ...place, key, message: shown(verdict.warn) });
    }
    return { problems, warnings };
  };
}

function judge(
  validator: Validator,
  value: unknown,
  key: string,
): { readonly error: string } | { readonly warn: string } | Readonly<Record<string, never>> {
  let verdict: unknown;
  try {
    verdict = validator(value as never, key);
  } catch (cause) {
    return { error: `its validator failed: ${cause instanceof Error ? cause.message : String(cause)}` };
  }
  if (verdict === undefined) return {};
  if (isPlainObject(verdict) && typeof verdict.error === 'string') return { error: verdict.error };
  if (isPlainObject(verdict) && typeof verdict.warn === 'string') return { warn: verdict.warn };
  return {
    error: `its validator returned ${String(verdict)}; it has to return nothing, { warn: '…' } or { error: '…' }`,
  };
}
