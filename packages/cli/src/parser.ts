import { nearest } from '@sarma/app/internal';
import yargs, { type Argv } from 'yargs';
import { type Command, positionalsOf } from './command.ts';
import { commands, wrapCommand } from './commands.ts';
import { UsageError } from './usage.ts';

/** The two names of the program: `wrap` is `sarma wrap`. */
export type Program = 'sarma' | 'wrap';

/** Runs the command that `argv` names. Returns its exit code; throws UsageError, and what the command throws. */
export async function parseAndRun(
  program: Program,
  argv: readonly string[],
  version: string,
): Promise<number> {
  const known = program === 'wrap' ? [wrapCommand] : commands;
  const parser = parserOf(program, argv, version);
  if (program === 'sarma') parser.group(['help', 'version'], BESIDES);
  let exitCode: number | undefined;
  for (const command of known) {
    parser.command(
      syntaxOf(command, program),
      command.description,
      (builder) => describe(builder, command, program),
      async (flags) => {
        refuseRepetition(flags, command);
        refuseEmptiness(flags, command);
        exitCode = await command.run(flags);
      },
    );
  }
  await parser.parseAsync();
  if (exitCode !== undefined || asksForHelp(argv)) return exitCode ?? 0;
  throw new UsageError(`No command was given.\n\n${await parser.getHelp()}`);
}

function parserOf(program: Program, argv: readonly string[], version: string): Argv {
  const parser = yargs([...argv]) as Argv & {
    // Documented, and missing in the types.
    usageConfiguration(configuration: { 'hide-types': boolean }): Argv;
  };
  return parser
    .usageConfiguration({ 'hide-types': true })
    .scriptName(program)
    .version(version)
    .alias({ help: 'h', version: 'v' })
    .detectLocale(false)
    .updateStrings(WORDING)
    .parserConfiguration({
      'boolean-negation': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': true,
    })
    .exitProcess(false)
    .fail((complaint: string | null, error: Error | undefined) => {
      // yargs itself has something to say, or a command threw.
      throw complaint === null ? error : asUsageError(complaint, program, argv);
    })
    .strict()
    .wrap(Math.min(100, process.stdout.columns ?? 80));
}

const BESIDES = 'Besides:';

/** Ours for what yargs would say. */
const WORDING = {
  'Positionals:': 'Arguments:',
  'Invalid values:': 'There is no such choice:',
  'Argument: %s, Given: %s, Choices: %s': '--%s %s; it is one of %s',
  'Arguments %s and %s are mutually exclusive': '--%s and --%s cannot be given together.',
};

function syntaxOf(command: Command, program: Program): string {
  const called = program === 'wrap' ? '$0' : command.name;
  const words = positionalsOf(command).map(({ name, required }) => (required ? `<${name}>` : `[${name}]`));
  return [called, ...words].join(' ');
}

function describe(builder: Argv, command: Command, program: Program): Argv {
  const { flags, examples } = command;
  for (const { name, description, choices } of positionalsOf(command))
    builder.positional(name, { description, type: 'string', ...(choices && { choices }) });
  const prefix = program === 'wrap' ? 'wrap' : 'sarma wrap';
  builder.example(examples.map(([line, meaning]) => [line.replace(/^wrap\b/, prefix), meaning]));
  return builder.options(flags).group(['help', 'version'], BESIDES);
}

function refuseRepetition(given: Readonly<Record<string, unknown>>, command: Command): void {
  const single = Object.keys(command.flags).filter((name) => !command.flags[name]!.array);
  for (const name of [...single, ...positionalsOf(command).map((one) => one.name)]) {
    const value = given[name];
    if (Array.isArray(value)) {
      throw new UsageError(`--${name} was given ${value.length} times (${value.join(', ')}); give it once.`);
    }
  }
}

/** What a variable that is not set leaves: `-o "$OUT"` is not meant to be a default. */
function refuseEmptiness(given: Readonly<Record<string, unknown>>, command: Command): void {
  const isEmpty = (value: unknown) => value === '' || (Array.isArray(value) && value.length === 0);
  const flag = Object.keys(command.flags).find((name) => isEmpty(given[name]));
  if (flag !== undefined) throw new UsageError(`--${flag} was given nothing; name one, or leave it away.`);
  const empty = positionalsOf(command).find(({ name }) => given[name] === '');
  if (empty !== undefined) throw new UsageError(`"" is no ${empty.name}.`);
}

/** Says what yargs found wrong in our words, with the command or flag that was probably meant. */
function asUsageError(complaint: string, program: Program, argv: readonly string[]): UsageError {
  return new UsageError(`${inOurWords(complaint, program, argv)}\n\n${seeHelp(program, argv)}`);
}

function inOurWords(complaint: string, program: Program, argv: readonly string[]): string {
  const command = program === 'wrap' ? wrapCommand : commands.find(({ name }) => argv.includes(name));
  const bare = /^Not enough arguments following: (.*)$/.exec(complaint)?.[1];
  if (bare !== undefined) return `${bare.length === 1 ? '-' : '--'}${bare} needs a value.`;
  if (complaint.startsWith('Not enough non-option arguments')) return missing(complaint, command);
  const unknown = /^Unknown arguments?: (.*)$/.exec(complaint)?.[1]?.split(', ')[0];
  if (unknown === undefined) return complaint;
  const flag = argv.find((word) => word.startsWith('-') && word.replace(/^-+/, '').split('=')[0] === unknown);
  if (flag !== undefined) return unknownFlag(flag.split('=')[0]!, unknown, command);
  if (command !== undefined) return `"${unknown}" is one argument too many.`;
  const meant = nearest(
    unknown,
    commands.map(({ name }) => name),
  );
  const suggestion = meant === undefined ? '' : ` Did you mean \`sarma ${meant}\`?`;
  return `There is no command "${unknown}".${suggestion}`;
}

/** `Not enough non-option arguments: got 1, need at least 2` */
function missing(complaint: string, command: Command | undefined): string {
  const got = Number(/got (\d+)/.exec(complaint)?.[1] ?? 0);
  return `No ${command === undefined ? 'argument' : positionalsOf(command)[got]?.name} was given.`;
}

function unknownFlag(flag: string, name: string, command: Command | undefined): string {
  const meant = nearest(name, Object.keys(command?.flags ?? {}));
  const suggestion = meant === undefined ? '' : ` Did you mean --${meant}?`;
  return `There is no flag ${flag}.${suggestion}`;
}

function seeHelp(program: Program, argv: readonly string[]): string {
  const command = program === 'sarma' && commands.find(({ name }) => argv.includes(name));
  return `\`${program}${command ? ` ${command.name}` : ''} --help\` lists what there is.`;
}

function asksForHelp(argv: readonly string[]): boolean {
  return argv.some((word) => ['--help', '-h', '--version', '-v'].includes(word));
}
