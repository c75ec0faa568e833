/** How values lie. */
export interface Spread {
  readonly median: number;
  readonly minimum: number;
  /** The quarter of the values is not above it. */
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
}

/** A value with the bounds between which it lies with a probability of 95 %. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    minimum: sorted[0]!,
    lowerQuartile: quantile(sorted, 0.25),
    upperQuartile: quantile(sorted, 0.75),
  };
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

function quantile(sorted: readonly number[], part: number): number {
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1);
}

/** The median of `values` as a share of that of `others`, which were measured in the same rounds. */
export function ratioOf(values: readonly number[], others: readonly number[]): Estimate {
  return estimate(values, others, (a, b) => median(a) / median(b));
}

/** By how much the median of `values` is above that of `others`, which were measured in the same rounds. */
export function differenceOf(values: readonly number[], others: readonly number[]): Estimate {
  return estimate(values, others, (a, b) => median(a) - median(b));
}

type Statistic = (values: readonly number[], others: readonly number[]) => number;

const RESAMPLES = 1000;

/**
 * The bounds are those of the bootstrap's percentiles: what the statistic would have been, had the same rounds come up
 * another number of times. A round is drawn whole, since what disturbs one of its runs disturbs its neighbours.
 */
function estimate(values: readonly number[], others: readonly number[], statistic: Statistic): Estimate {
  const random = randomNumbers();
  const drawn = Array.from({ length: RESAMPLES }, () => {
    const rounds = values.map(() => Math.floor(random() * values.length));
    return statistic(
      rounds.map((round) => values[round]!),
      rounds.map((round) => others[round]!),
    );
  }).toSorted((a, b) => a - b);
  return { value: statistic(values, others), low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) };
}

/** The same numbers in every run, so that the same measurements give the same bounds: a linear congruential generator. */
export function randomNumbers(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
