/** What a line of a client means. */
export type Command =
  | { readonly do: 'CREATE'; readonly bucket: string }
  | { readonly do: 'PUT'; readonly bucket: string; readonly key: string; readonly value: string }
  | { readonly do: 'GET' | 'DELETE'; readonly bucket: string; readonly key: string };

/** Undefined for what is no command: an unknown word, or too few or too many of them. */
export function parseCommand(line: string): Command | undefined {
  const words = line.trim().split(/\s+/);
  const [name, bucket, key, value] = words as [string, string, string, string];
  const shape = `${name} ${words.length}`;
  if (shape === 'CREATE 2') return { do: 'CREATE', bucket };
  if (shape === 'PUT 4') return { do: 'PUT', bucket, key, value };
  if (shape === 'GET 3') return { do: 'GET', bucket, key };
  if (shape === 'DELETE 3') return { do: 'DELETE', bucket, key };
  return undefined;
}
