/** A node and the first letters of the buckets it has. */
export interface Route {
  readonly node: string;
  readonly host: string;
  readonly port: number;
  /** From this letter… */
  readonly from: string;
  /** …to this one. */
  readonly to: string;
}

/** In the order of their letters. Empty: one node has everything. */
export type RoutingTable = readonly Route[];

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * `foo=127.0.0.1:4041;bar=127.0.0.1:4042`: the nodes and where they listen. The alphabet is divided among them in this
 * order, so it has to be the same for all of them.
 */
export function parseNodes(text: string): RoutingTable {
  const entries = text.split(';').filter((entry) => entry.trim() !== '');
  if (entries.length > LETTERS.length) throw new Error(`NODES names more than ${LETTERS.length} nodes`);
  return entries.map((entry, index) => {
    const match = /^\s*([\w.@-]+)=(\[[\da-f:]+\]|[^:\s]+):(\d{1,5})\s*$/i.exec(entry);
    if (match === null) throw new Error(`NODES has "${entry}" where NAME=HOST:PORT is expected`);
    const [, node, host, port] = match as unknown as [string, string, string, string];
    const letters = share(index, entries.length);
    return {
      node,
      host: host.replace(/^\[|\]$/g, ''),
      port: Number(port),
      from: letters.at(0)!,
      to: letters.at(-1)!,
    };
  });
}

function share(index: number, of: number): string {
  return LETTERS.slice(
    Math.floor((index * LETTERS.length) / of),
    Math.floor(((index + 1) * LETTERS.length) / of),
  );
}

/** Who has a bucket. What begins with no letter belongs to the first node; undefined when there is no table. */
export function route(table: RoutingTable, bucket: string): Route | undefined {
  const first = bucket.charAt(0).toLowerCase();
  return table.find(({ from, to }) => from <= first && first <= to) ?? table[0];
}
