/** The little of CycloneDX's JSON that joining two of ours has to know. */
interface Bill {
  readonly metadata: { readonly component: Part };
  readonly components: readonly Part[];
  readonly dependencies: readonly Dependency[];
}

interface Part {
  readonly 'bom-ref': string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn?: readonly string[];
}

/** One bill of materials for the slices of a universal executable. What they share is named once. */
export function joinBills(bills: readonly Buffer[]): Buffer {
  const parsed = bills.map((bytes) => JSON.parse(bytes.toString()) as Bill);
  const first = parsed[0]!;
  const joined = {
    ...first,
    metadata: { ...first.metadata, component: one(parsed.map(({ metadata }) => metadata.component)) },
    components: grouped(
      parsed.flatMap(({ components }) => components),
      (part) => part['bom-ref'],
    ).map(one),
    dependencies: grouped(
      parsed.flatMap(({ dependencies }) => dependencies),
      ({ ref }) => ref,
    ).map(union),
  };
  return Buffer.from(`${JSON.stringify(joined, null, 1)}\n`);
}

function grouped<Item>(items: readonly Item[], key: (item: Item) => string): readonly (readonly Item[])[] {
  const groups = [...Map.groupBy(items, key)];
  return groups.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** With the properties of all: the targets of the program, what a package's files hash to in each slice. */
function one(parts: readonly Part[]): Part {
  const first = parts[0]!;
  const all = parts.flatMap(({ properties }) => properties ?? []);
  const properties = [...new Map(all.map((property) => [JSON.stringify(property), property])).values()];
  return properties.length === 0 ? first : { ...first, properties };
}

function union(dependencies: readonly Dependency[]): Dependency {
  const dependsOn = [...new Set(dependencies.flatMap(({ dependsOn }) => dependsOn ?? []))].sort();
  const { ref } = dependencies[0]!;
  return dependsOn.length === 0 ? { ref } : { ref, dependsOn };
}
