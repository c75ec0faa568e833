import { readFileSync } from 'node:fs';
import { BootError } from '../error.ts';
import type { Evaluation } from './evaluate.ts';
import { readCode } from './expression.ts';

/** What stands behind `rpc` and `eval`. */
export interface EvaluationRequest {
  readonly evaluation: Evaluation;
  /** What is left for the code: its `process.argv`, where it has one. */
  readonly words: readonly string[];
}

interface Options {
  json: boolean;
  file?: string;
  call?: string;
  argv?: string;
}

/**
 * `[--json] EXPRESSION [-- ARGUMENTS…]`, `--file FILE [ARGUMENTS…]` (`-` is stdin) or
 * `--call MODULE#FUNCTION [ARGUMENTS…]` (alias `--mfa`), the arguments as words or as `--argv JSON`. Options stand first;
 * everything else is the code's.
 */
export function readRequest(
  command: string,
  prog: string,
  args: readonly string[],
  stdout: NodeJS.WriteStream,
): EvaluationRequest {
  const { options, rest } = readOptions(command, prog, args);
  const { source, words } = readSource(command, prog, options, rest);
  const evaluation: Evaluation = {
    source,
    argv: options.argv === undefined ? words : readArgv(options.argv),
    json: options.json,
    colors: stdout.isTTY === true && stdout.hasColors(),
    columns: stdout.columns ?? 80,
  };
  return { evaluation, words };
}

function readOptions(command: string, prog: string, args: readonly string[]) {
  const rest = [...args];
  const options: Options = { json: false };
  while (rest[0]?.startsWith('--')) {
    const [, name = '', joined] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(rest.shift()!)!;
    if (name === '') break;
    const value = () => joined ?? rest.shift() ?? missing(command, name);
    if (name === 'json') options.json = true;
    else if (name === 'file') options.file = value();
    else if (name === 'call' || name === 'mfa') options.call = value();
    else if (name === 'argv') options.argv = value();
    else
      throw new BootError(
        'UNKNOWN_OPTION',
        `${command} has no option --${name}; it has --json, --file FILE, --call MODULE#FUNCTION and --argv JSON. An expression that begins with -- stands behind --, as in: ${prog} ${command} -- '--i'`,
      );
  }
  return { options, rest };
}

function missing(command: string, name: string): never {
  throw new BootError('MISSING_VALUE', `${command} --${name} expects a value.`);
}

function readSource(command: string, prog: string, { file, call }: Options, rest: readonly string[]) {
  if (file !== undefined && call !== undefined)
    throw new BootError('TWO_SOURCES', `${command} takes --file or --call, not both.`);
  if (file !== undefined) return { source: readCode(readFile(file), command), words: rest };
  if (call !== undefined) return { source: readCall(command, call), words: rest };
  const [code, ...behind] = rest;
  if (code === undefined || code.trim() === '') {
    throw new BootError(
      'NO_EXPRESSION',
      `${command} expects an expression as argument, as in: ${prog} ${command} '1 + 1'`,
    );
  }
  return { source: readCode(code, command), words: wordsBehind(command, prog, code, behind) };
}

/** An expression that the shell has taken apart is not to be mistaken for a short one with arguments. */
function wordsBehind(
  command: string,
  prog: string,
  code: string,
  [first, ...words]: readonly string[],
): readonly string[] {
  if (first === undefined || first === '--') return words;
  throw new BootError(
    'MORE_THAN_ONE_EXPRESSION',
    `${command} takes one expression, and ${JSON.stringify(first)} stands behind ${JSON.stringify(code)}: put it in quotes, as in: ${prog} ${command} '1 + 1'. What follows -- is argv.`,
  );
}

/** The file of whoever types, wherever the node runs. */
function readFile(file: string): string {
  try {
    const code = readFileSync(file === '-' ? 0 : file, 'utf8');
    // As Node does with the first line of a program.
    return code.replace(/^\uFEFF/, '').replace(/^#!.*/, '');
  } catch (error) {
    throw new BootError('NO_FILE', `${file} cannot be read: ${(error as Error).message}.`);
  }
}

function readCall(command: string, call: string) {
  const at = call.lastIndexOf('#');
  const source =
    at < 0
      ? { module: call, function: 'default' }
      : { module: call.slice(0, at), function: call.slice(at + 1) };
  if (source.module !== '' && source.function !== '') return source;
  throw new BootError(
    'INVALID_CALL',
    `${command} --call is ${JSON.stringify(call)}; expected MODULE#FUNCTION, as in ./tasks.js#cleanUp.`,
  );
}

function readArgv(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BootError('INVALID_ARGV', `--argv is no JSON: ${(error as Error).message}.`);
  }
  if (Array.isArray(value)) return value;
  throw new BootError('INVALID_ARGV', '--argv expects a JSON array, as in \'["a", 1]\'.');
}
