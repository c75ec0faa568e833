const MILLISECONDS: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

const POWERS = ['', 'K', 'M', 'G', 'T', 'P'];

/** `10s`, `1h30m`, `1.5h` → milliseconds. */
export function readDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)? ?(?:ms|[smhdw])\s?)+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/([\d.]+) ?([a-z]+)/g)];
  return whole(parts.reduce((sum, [, count, unit]) => sum + Number(count) * MILLISECONDS[unit!]!, 0));
}

/** Milliseconds → the shortest that reads as them; undefined for what is no duration. */
export function writeDuration(value: unknown): string | undefined {
  if (!isCount(value)) return undefined;
  if (value === 0) return '0s';
  let rest = value;
  let text = '';
  for (const [unit, size] of Object.entries(MILLISECONDS)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** `10MB` (units of 1000), `4KiB` (units of 1024), `512` → bytes. */
export function readBytes(text: string): number | undefined {
  const [, count, power, binary] = /^(\d+(?:\.\d+)?) ?(?:([KMGTP])(i?)B|B)?$/i.exec(text) ?? [];
  if (count === undefined) return undefined;
  const unit = binary ? 1024 : 1000;
  return whole(Number(count) * unit ** POWERS.indexOf((power ?? '').toUpperCase()));
}

/** Bytes → the shortest that reads as them; undefined for what is no size. */
export function writeBytes(value: unknown): string | undefined {
  if (!isCount(value)) return undefined;
  if (value === 0) return '0B';
  const forms = POWERS.flatMap((power, index) => [
    [value / 1024 ** index, power && `${power}i`] as const,
    [value / 1000 ** index, power] as const,
  ]).filter(([count]) => Number.isInteger(count));
  const [count, unit] = forms.reduce((least, form) => (form[0] < least[0] ? form : least));
  return `${count}${unit}B`;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Products of decimals are not exact: `4.35s` is meant as 4350. */
function whole(value: number): number | undefined {
  const rounded = Math.round(value);
  return Number.isSafeInteger(rounded) && Math.abs(value - rounded) < 1e-6 ? rounded : undefined;
}
