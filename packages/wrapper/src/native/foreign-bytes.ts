/** Native files for other systems, by package. */
export type ForeignBytes = readonly { readonly package: string; readonly bytes: number }[];

/** Bytes for other systems that are worth a line. */
export const WORTH_A_LINE = 1_000_000;

/** `esbuild 9.1 MB, sharp 2.0 MB, …`: the packages that have most of them. */
export function largest(foreign: ForeignBytes): string {
  const sorted = foreign.toSorted((a, b) => b.bytes - a.bytes);
  const shown = sorted.slice(0, 3).map((one) => `${one.package} ${inMegabytes(one.bytes)}`);
  return [...shown, ...(foreign.length > 3 ? ['…'] : [])].join(', ');
}

export function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
