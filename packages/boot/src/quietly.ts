/**
 * Runs something that Node calls experimental: whoever reads what is printed can do nothing about that. What the user's
 * own code warns of at other times is printed.
 */
export function quietly<Result>(run: () => Result): Result {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return run();
  } finally {
    process.emitWarning = emitWarning;
  }
}
