import { readFileSync } from 'node:fs';
import { Eta } from 'eta';
import { ReleaseError } from '../error.ts';

export type TemplateVariables = Readonly<Record<string, unknown>>;

/** Renders a template file with eta. Throws ReleaseError TEMPLATE_FAILED, and what reading the file throws. */
export function renderFile(file: string, variables: TemplateVariables): string {
  return renderText(readFileSync(file, 'utf8'), variables, file);
}

/** Renders text with eta; `where` says in an error where it is from. Throws ReleaseError TEMPLATE_FAILED. */
export function renderText(text: string, variables: TemplateVariables, where: string): string {
  if (!text.includes('<%')) return text;
  // Plain text, so nothing is escaped, and no line break is taken away that a tag does not ask for with "-%>".
  const eta = new Eta({ autoEscape: false, autoTrim: false, useWith: true, debug: true });
  try {
    return eta.renderString(text, onlyKnown(variables));
  } catch (cause) {
    // A syntax error goes on with the code that eta made of the template.
    const reason = (cause as Error).message.split('\n====')[0]!.trim();
    const known = Object.keys(variables).join(', ');
    throw new ReleaseError('TEMPLATE_FAILED', `${where}: ${reason}\nTemplates know: ${known}`, { cause });
  }
}

/** A misspelled variable is an error, whether or not it stands behind `it.`. */
function onlyKnown(variables: TemplateVariables): object {
  return new Proxy(Object.assign(Object.create(null), variables), {
    get(target, key) {
      if (typeof key === 'symbol' || key in target) return Reflect.get(target, key);
      throw new ReferenceError(`${key} is not defined`);
    },
  });
}
