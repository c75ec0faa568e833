/** A variable that was read while code ran, and the value it had. */
export interface VariableRead {
  readonly name: string;
  readonly value: string | undefined;
}

/**
 * Runs something and notes which variables of `process.env` the project's own code reads meanwhile: what it makes of
 * them is fixed then for every machine. What packages read for themselves (DEBUG, NO_COLOR) is not noted.
 */
export async function watchEnvironment<Result>(
  run: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly reads: readonly VariableRead[] }> {
  const actual = process.env;
  const reads = new Map<string, string | undefined>();
  const note = (name: string | symbol): void => {
    if (typeof name === 'string' && isOwnCode(callerOfTrap())) reads.set(name, actual[name]);
  };
  process.env = new Proxy(actual, {
    get: (target, name) => {
      note(name);
      return Reflect.get(target, name);
    },
    has: (target, name) => {
      note(name);
      return Reflect.has(target, name);
    },
  });
  try {
    const result = await run();
    return { result, reads: [...reads].map(([name, value]) => ({ name, value })) };
  } finally {
    process.env = actual;
  }
}

/** The file (or `node:` module) that made a proxy call its trap. */
function callerOfTrap(): string {
  // Error, callerOfTrap, note, trap, caller.
  const frame = new Error().stack?.split('\n')[4] ?? '';
  return /(?:\(|at (?:async )?)((?:file:|node:|\/|[A-Za-z]:\\).*?):\d+:\d+\)?$/.exec(frame)?.[1] ?? '';
}

function isOwnCode(file: string): boolean {
  return file !== '' && !file.startsWith('node:') && !/[/\\]node_modules[/\\]/.test(file);
}
