import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Command, CommandOption } from '@sarma/app';
import type { BootCommand } from '../boot-file.ts';
import { loadConfiguration } from '../configuration.ts';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { importDefault, moduleUrl } from '../modules.ts';
import { setProcessEnvironment } from '../process-environment.ts';
import { releaseInfo, setReleaseState } from '../release-state.ts';
import { settled } from '../settled.ts';

/**
 * A command of the release's own: with the configuration loaded and nothing started. What it returns is the exit code
 * if it is a number.
 */
export async function run(context: CommandContext, { name, module }: BootCommand): Promise<number> {
  const { boot, environment, args, stdout } = context;
  setProcessEnvironment(boot, environment);
  if (asksForHelp(args)) {
    stdout.write(help(await load(module, context), name, context));
    return 0;
  }
  const config = await loadConfiguration(boot, environment);
  const release = releaseInfo(environment);
  // Before the import: a module may ask for its configuration while it is evaluated.
  setReleaseState(release, environment, config);
  const command = await load(module, context);
  const { positionals, values } = parse(command, args);
  const usage = `Usage: ${syntax(command, name, context)}`;
  checkArguments(command.arguments, positionals, usage);
  const running = command.run({ args: positionals, options: values as never, config, release });
  const result = await settled(boot, `The command ${name}`, running);
  return typeof result === 'number' ? result : 0;
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).some((word) => word === '--help' || word === '-h');
}

async function load(module: string, { boot, environment }: CommandContext): Promise<Command> {
  const exported = await settled(boot, module, importDefault(moduleUrl(environment.root, module)));
  if (typeof exported === 'object' && exported !== null && typeof (exported as Command).run === 'function') {
    return exported as Command;
  }
  throw new BootError(
    'INVALID_COMMAND',
    `${module} is no command: its default export must be what defineCommand({ description, run }) of '@sarma/app' returns.`,
  );
}

function parse({ options }: Command, args: readonly string[]) {
  const known = Object.fromEntries(
    Object.entries(options ?? {}).map(([name, { description, ...option }]) => [name, option]),
  );
  return parseArgs({
    args: [...args],
    options: known as NonNullable<ParseArgsConfig['options']>,
    allowPositionals: true,
  });
}

/** `<file>` must be there, `[count]` may be, `[more...]` and `<more...>` may be several. Not said: anything goes. */
function checkArguments(
  expected: readonly string[] | undefined,
  given: readonly string[],
  usage: string,
): void {
  if (expected === undefined) return;
  const missing = expected.filter((name) => name.startsWith('<')).at(given.length);
  if (missing !== undefined) throw new BootError('USAGE', `${missing} is missing.\n\n${usage}`);
  const extra = expected.some((name) => name.includes('...')) ? undefined : given[expected.length];
  if (extra !== undefined)
    throw new BootError('USAGE', `${JSON.stringify(extra)} is one argument too many.\n\n${usage}`);
}

function syntax(command: Command, name: string, { environment }: CommandContext): string {
  const hasOptions = Object.keys(command.options ?? {}).length > 0;
  return [environment.prog, name, ...(hasOptions ? ['[OPTIONS]'] : []), ...(command.arguments ?? [])].join(
    ' ',
  );
}

function help(command: Command, name: string, context: CommandContext): string {
  const options = Object.entries<CommandOption>(command.options ?? {}).map(
    ([name, option]) => [optionSyntax(name, option), optionDescription(option)] as const,
  );
  const width = Math.max(0, ...options.map(([left]) => left.length));
  const lines = [`Usage: ${syntax(command, name, context)}`, '', command.description];
  if (options.length > 0) {
    lines.push(
      '',
      'Options:',
      ...options.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()),
    );
  }
  return `${lines.join('\n')}\n`;
}

function optionSyntax(name: string, { short, type }: CommandOption): string {
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${type === 'string' ? ' VALUE' : ''}`;
}

function optionDescription({ description = '', multiple, default: value }: CommandOption): string {
  const notes = [multiple ? 'repeatable' : '', value === undefined ? '' : `default: ${value}`].filter(
    Boolean,
  );
  return notes.length === 0 ? description : `${description} (${notes.join(', ')})`.trim();
}
