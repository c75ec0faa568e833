import { styleText } from 'node:util';

export type Fact = readonly [name: string, value: string | readonly string[]];

/** Names and values under each other; a value of several lines is indented. Without a value there is no line. */
export function factLines(facts: readonly Fact[]): string[] {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.flatMap(([name, value]) =>
    [value].flat().map((line, index) => {
      const label = (index === 0 ? name : '').padEnd(width);
      return `${styleText('dim', label)}  ${line}`;
    }),
  );
}
