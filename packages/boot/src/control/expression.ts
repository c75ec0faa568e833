import path from 'node:path';
import vm from 'node:vm';
import { quietly } from '../quietly.ts';

// What `rpc` and `eval` are given, turned into a function: any JavaScript that a script may hold, with await at its
// top. Its value is that of its last expression, as in the REPL; the REPL's own evaluator cannot be used without
// loading the REPL, which slows down every promise of the process (it loads node:domain).

export type Evaluate = (...values: unknown[]) => Promise<unknown>;

/** What is evaluated. */
export interface Code {
  readonly code: string;
  /** Its name in stacks. */
  readonly name: string;
  /** What `lastStatement` found: whoever sends the code spends the time for that, and not the node. */
  readonly last: number;
}

/** With the place where it stands: import() in it resolves as if it were a file of that directory. */
export interface Source extends Code {
  readonly directory: string;
}

/**
 * Compiles the source to a function with these parameters, visible in it as names. Throws a SyntaxError. A value that
 * is a promise is awaited. Declarations are the source's own.
 */
export function compile(source: Source, parameters: readonly string[]): Evaluate {
  const { code, last } = source;
  const names = parameters.join(', ');
  const asExpression = `(async (${names}) => (`;
  if (parses(`${asExpression}${code}\n))`)) return run(source, asExpression, `${code}\n))`);
  const asBody = `(async (${names}) => {`;
  if (!/\bawait\b/.test(code)) return completion(source, code, names);
  // Throws the SyntaxError that belongs to the source, at its place.
  run(source, asBody, `${code}\n})`);
  const [head, tail] = [code.slice(0, last), code.slice(last)];
  return run(source, asBody, tail === '' ? `${code}\n})` : `${head}return (${tail}\n)})`);
}

/** Without await: eval gives the value of any script, be its last statement an `if` or a loop. */
function completion(source: Source, code: string, names: string): Evaluate {
  new vm.Script(code, { filename: fileOf(source) });
  const prefix = `(async function (${names}) { return eval(arguments[arguments.length - 1]); })`;
  const evaluate = run(source, prefix, '');
  return (...values) => evaluate(...values, code);
}

const LOADER = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;

/** It is called experimental, on stderr, the first time that something is imported this way: here, unheard. */
let silenced = false;

function silenceWarning(): void {
  if (silenced) return;
  silenced = true;
  const script = 'import("node:module")';
  quietly(() => new vm.Script(script, { importModuleDynamically: LOADER }).runInThisContext());
}

function run(source: Source, prefix: string, rest: string): Evaluate {
  silenceWarning();
  // On a line of its own, which is line 0: what is shown of an error is the source alone.
  const script = new vm.Script(`${prefix}\n${rest}`, {
    filename: fileOf(source),
    lineOffset: -1,
    importModuleDynamically: LOADER,
  });
  return script.runInThisContext() as Evaluate;
}

function fileOf({ directory, name }: Source): string {
  return path.join(directory, name);
}

/** `import()` as a module of the directory would do it. */
export function importer(directory: string): (specifier: string) => Promise<Record<string, unknown>> {
  const evaluate = compile({ ...readCode('import(specifier)', 'call'), directory }, ['specifier']);
  return (specifier) => evaluate(specifier) as Promise<Record<string, unknown>>;
}

/** Reads what somebody wrote. */
export function readCode(text: string, name: string): Code {
  const bare = text.replace(/[\s;]+$/, '');
  // Only what ends in an empty statement, as in `for (;;);`, needs its last `;`.
  const code = isBody(bare) ? bare : text;
  const last =
    /\bawait\b/.test(code) && !isExpression(code) && isBody(code) ? lastStatement(code) : code.length;
  return { code, name, last };
}

/**
 * Where the last statement begins, when it is an expression, else the code's length. JavaScript's own parser is asked,
 * rather than imitated: a `;` or a line's end is the end of a statement when
 *  - what stands before and behind it is whole,
 *  - it does not lie in a string, a template, a comment or a regular expression: a character that means nothing in
 *    code spoils it there,
 *  - and what stands behind does not go on with what stands before, as a line that begins with a parenthesis does.
 */
function lastStatement(code: string): number {
  for (let at = code.length - 1; at > 0; at -= 1) {
    if (code[at] !== ';' && code[at] !== '\n') continue;
    const [head, tail] = [code.slice(0, at + 1), code.slice(at + 1)];
    if (!isBody(tail) || !isBody(head) || isBody(`${head}\\${tail}`)) continue;
    if (isExpression(tail)) {
      const goesOn = isBody(`${head}\n ? 0 : 0`) && isExpression(`a\n${tail}`);
      if (!goesOn) return at + 1;
    } else if (!isExpression(`0 ${tail}`)) {
      return code.length; // It is more than blanks and remarks.
    }
  }
  return code.length;
}

function isExpression(text: string): boolean {
  return parses(`(async () => (${text}\n))`);
}

function isBody(text: string): boolean {
  return parses(`(async () => {${text}\n})`);
}

function parses(text: string): boolean {
  try {
    new vm.Script(text);
    return true;
  } catch {
    return false;
  }
}
