import { Console } from 'node:console';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import type { RunningNode } from '../running-node.ts';
import type { Call } from './call.ts';
import { type Code, compile, type Evaluate, importer, type Source } from './expression.ts';
import { forgetOwnFrames, placeOf } from './own-frames.ts';

/** What `rpc` and `eval` are asked for. */
export interface Evaluation {
  /** JavaScript; or the function of a module to call. */
  readonly source: Code | { readonly module: string; readonly function: string };
  /** `argv` of the code, the arguments of the function. */
  readonly argv: readonly unknown[];
  /** The value as JSON rather than for people. */
  readonly json: boolean;
  readonly colors: boolean;
  /** Characters in a line. */
  readonly columns: number;
}

export interface Evaluated {
  /** What it threw, for stderr. */
  readonly failed: boolean;
  /** Ends with a newline unless it is empty. */
  readonly text: string;
}

/** What the code sees besides JavaScript and Node's own. */
export interface Surroundings {
  readonly console: Console;
  /** What an application's `start` returned; only in a running node. */
  readonly stateOf: (application: string) => unknown;
}

/** Evaluates as if by a module in `directory`. What the code throws is a result, too. */
export async function evaluate(
  directory: string,
  evaluation: Evaluation,
  surroundings: Surroundings,
): Promise<Evaluated> {
  try {
    const value = await resultOf(directory, evaluation, surroundings);
    return { failed: false, text: evaluation.json ? asJson(value) : forPeople(value, evaluation) };
  } catch (error) {
    if (error instanceof NoCode) return { failed: true, text: `${error.message}\n` };
    forgetOwnFrames(error);
    return { failed: true, text: `${shown(error, evaluation)}\n` };
  }
}

async function resultOf(
  directory: string,
  evaluation: Evaluation,
  surroundings: Surroundings,
): Promise<unknown> {
  const { source, argv } = evaluation;
  if ('module' in source) return await callFunction(directory, source.module, source.function, argv);
  const require = createRequire(path.join(directory, source.name));
  const { console, stateOf } = surroundings;
  const run = compiled({ ...source, directory });
  return await run(require, argv, console, stateOf);
}

/** What was given cannot be parsed; the message says where. */
class NoCode extends Error {}

function compiled(source: Source): Evaluate {
  try {
    return compile(source, ['require', 'argv', 'console', 'stateOf']);
  } catch (error) {
    throw new NoCode(placeOf(error));
  }
}

async function callFunction(directory: string, specifier: string, name: string, argv: readonly unknown[]) {
  const module = await importer(directory)(specifier);
  const found = module[name];
  if (typeof found === 'function') return await found(...argv);
  const functions = Object.keys(module).filter((key) => typeof module[key] === 'function');
  throw new TypeError(
    `${specifier} exports no function ${name}${functions.length === 0 ? '' : `; it has ${functions.join(', ')}`}.`,
  );
}

/** Nothing for undefined: what is called for its effect says nothing. */
function forPeople(value: unknown, evaluation: Evaluation): string {
  return value === undefined ? '' : `${shown(value, evaluation)}\n`;
}

function shown(value: unknown, { colors, columns }: Evaluation): string {
  return inspect(value, { colors, breakLength: columns });
}

function asJson(value: unknown): string {
  if (value === undefined) return 'null\n';
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`The value cannot be written as JSON: ${(error as Error).message}`);
  }
  if (text === undefined)
    throw new TypeError(`The value cannot be written as JSON: it is a ${typeof value}.`);
  return `${text}\n`;
}

/** `rpc`, in the node. What the code prints with `console` goes to the client; what it calls prints to the node's log. */
export async function evaluateFor(node: RunningNode, call: Call): Promise<Evaluated> {
  const evaluation = call.params as unknown as Evaluation;
  const printed = (stream: 'stdout' | 'stderr') =>
    new Writable({
      decodeStrings: false,
      write(text: string, _encoding, done) {
        call.send({ [stream]: text });
        done();
      },
    });
  const console = new Console({
    stdout: printed('stdout'),
    stderr: printed('stderr'),
    colorMode: evaluation.colors,
  });
  const directory = path.resolve(node.environment.root, node.boot.main);
  const evaluated = await evaluate(directory, evaluation, { console, stateOf: (name) => node.stateOf(name) });
  if (evaluated.text.length <= LONGEST_TEXT) return evaluated;
  return {
    failed: true,
    text: `The value has ${evaluated.text.length} characters; more than ${LONGEST_TEXT} are not sent.\n`,
  };
}

const LONGEST_TEXT = 16 * 1024 * 1024;
