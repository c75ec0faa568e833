/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<One>(list: readonly One[]): One {
    return list[this.below(list.length)]!;
  }

  list<One>(least: number, most: number, one: () => One): One[] {
    return Array.from({ length: least + this.below(most - least + 1) }, one);
  }
}

/** Seed of a run: in CI always the same, elsewhere always another. SARMA_FUZZ_SEED repeats one; what fails names it. */
export const SEED = Number(process.env.SARMA_FUZZ_SEED ?? (process.env.CI ? 7 : Date.now() % 2 ** 32));

/** The smallest text that can be reached by leaving out pieces and still fails. */
export function shrink(text: string, fails: (text: string) => boolean): string {
  let smallest = text;
  for (let size = Math.ceil(text.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.length; ) {
      const shorter = smallest.slice(0, at) + smallest.slice(at + size);
      if (fails(shorter)) smallest = shorter;
      else at += size;
    }
  }
  return smallest;
}

/**
 * Holds a property against texts, as many as `texts` makes. Throws with what is wrong of the first that fails, made as
 * small as it gets.
 */
export function holds(texts: Iterable<string>, problemOf: (text: string) => string | undefined): number {
  let count = 0;
  for (const text of texts) {
    count++;
    if (problemOf(text) === undefined) continue;
    const smallest = shrink(text, (shorter) => problemOf(shorter) !== undefined);
    throw new Error(
      `${problemOf(smallest)}\nfor the text ${JSON.stringify(smallest)}\n(SARMA_FUZZ_SEED=${SEED}, the ${count}th of its texts)`,
    );
  }
  return count;
}
