import { styleText } from 'node:util';
import type { Verification } from '@sarma/wrapper';
import { factLines } from './facts.ts';
import { shownPath } from './measures.ts';
import { needs } from './needs.ts';

/** What was checked of an executable and what came of it, for people. */
export function showVerification({ file, ok, checks, target, requires }: Verification): void {
  const lines = checks.map(({ name, ok, detail }) => {
    const mark = ok ? styleText('green', 'ok    ') : styleText('red', 'failed');
    return `${mark}  ${name}: ${detail}`;
  });
  const host = factLines([
    ['target', target ?? []],
    ['needs', requires === null ? [] : needs(requires)],
  ]);
  const verdict = ok ? 'is whole.' : 'is damaged.';
  process.stdout.write(`${[...lines, ...host, `${shownPath(file)} ${verdict}`].join('\n')}\n`);
}
