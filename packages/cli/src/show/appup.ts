import type { AppupEvent } from '../events.ts';
import { shownPath } from './measures.ts';

type Instruction = AppupEvent['up'][number];

const WORDS = { written: 'wrote', replaced: 'replaced', same: 'unchanged', left: 'left alone' } as const;

/** What became of an appup's file, and what it will do. */
export function appupLines(event: AppupEvent): readonly string[] {
  const { file, outcome, from, to, differences } = event;
  return [
    `${WORDS[outcome]} ${shownPath(file)}`,
    ...directionLines('up', event.up, to, event.packages),
    ...directionLines('down', event.down, from, {}),
    ...(outcome === 'left' && differences.length > 0
      ? ['  It was written or edited by hand, and differs from what is computed now:']
      : []),
    ...differences.map((difference) => `    ${difference}`),
  ];
}

function directionLines(
  direction: 'up' | 'down',
  instructions: readonly Instruction[],
  version: string,
  packages: AppupEvent['packages'],
): readonly string[] {
  const said = instructions.map((one) => instructionLine(one, version, packages));
  return (said.length === 0 ? ['nothing'] : said).map(
    (line, index) => `  ${(index === 0 ? direction : '').padEnd(5)} ${line}`,
  );
}

function instructionLine(
  instruction: Instruction,
  version: string,
  packages: AppupEvent['packages'],
): string {
  if (instruction === 'restart_node') return `restart_node: ${version} is started beside what runs`;
  const [[word, name]] = Object.entries(instruction) as [[string, string]];
  const change = word === 'load' ? packages[name] : undefined;
  return `${word} ${name}${change === undefined ? (MEANING[word] ?? '') : ` (${change})`}`;
}

const MEANING: Readonly<Record<string, string>> = {
  reload: ': its codeChange gets the state',
  restart: ': it is stopped, and started with its new code',
  start: ': it did not run before',
  stop: ': it does not run any more',
};
