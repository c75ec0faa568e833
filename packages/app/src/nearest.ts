/** The known word that `typed` is most likely to be, or undefined when none is near. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  const isNear = (word: string) =>
    distance(typed, word) <= Math.max(2, Math.floor(word.length / 3)) ||
    (typed.length > 1 && word.startsWith(typed));
  return known
    .filter(isNear)
    .sort((one, other) => distance(typed, one) - distance(typed, other))
    .at(0);
}

/** How many characters must be put in, taken out or replaced to make one word the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}
