import { nearest } from '@sarma/app/internal';
import { aliases } from './alias.ts';
import type { BootFile } from './boot-file.ts';
import { type BuiltinCommand, builtins } from './builtin.ts';

/** What `help` prints. `prog` is what the user calls the release by. */
export function usage(boot: BootFile, prog: string): string {
  const sections = [
    `Usage: ${prog} [COMMAND] [ARGUMENTS]`,
    `Without a command: start. \`${prog} help COMMAND\` says more.`,
    listing('Commands', builtins.filter(isShown).map(summary)),
  ];
  if (boot.commands.length > 0)
    sections.push(listing(`Commands of ${boot.name}`, boot.commands.map(summary)));
  return `${sections.join('\n\n')}\n`;
}

/** What `help COMMAND` prints for one of ours. */
export function commandUsage(command: BuiltinCommand, prog: string): string {
  const also = Object.keys(aliases).filter((word) => /^\w/.test(word) && stands(word, command));
  const lines = [
    `Usage: ${[prog, command.name, command.syntax].filter(Boolean).join(' ')}`,
    '',
    `${command.description}.`,
  ];
  if (command.details !== undefined) lines.push('', ...command.details);
  if (also.length > 0) lines.push('', `Also called ${also.join(', ')}.`);
  return `${lines.join('\n')}\n`;
}

/** One sentence about a word that is no command, with the nearest one that is. */
export function unknownCommand(word: string, boot: BootFile): string {
  const known = [...builtins.filter(isShown), ...boot.commands].map(({ name }) => name);
  const meant = nearest(word, [...known, ...Object.keys(aliases)]);
  return `There is no command ${JSON.stringify(word)}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`;
}

function isShown(command: BuiltinCommand): boolean {
  return command.hidden !== true;
}

/** Whether an alias is just another name, without words of its own. */
function stands(word: string, command: BuiltinCommand): boolean {
  const target = aliases[word]!;
  return target.length === 1 && target[0] === command.name;
}

function summary({ name, syntax = '', description }: Summarised): [string, string] {
  // What is longer is for the command's own help.
  return [`${name} ${syntax.length > 24 ? '...' : syntax}`.trimEnd(), description];
}

interface Summarised {
  readonly name: string;
  readonly syntax?: string;
  readonly description: string;
}

function listing(title: string, entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...entries.map(([left]) => left.length));
  return [`${title}:`, ...entries.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd())].join(
    '\n',
  );
}
