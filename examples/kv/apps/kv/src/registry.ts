import { type Change, Journal } from './journal.ts';

/** Key → value. */
export type Bucket = ReadonlyMap<string, string>;

/**
 * The buckets of one node. What a method has returned from is in the journal: the next registry that opens it has it
 * too.
 */
export class Registry {
  readonly #buckets: Map<string, Map<string, string>>;
  readonly #journal: Journal | undefined;
  #kept: number;

  private constructor(
    journal: Journal | undefined,
    buckets = new Map<string, Map<string, string>>(),
    kept = 0,
  ) {
    this.#journal = journal;
    this.#buckets = buckets;
    this.#kept = kept;
  }

  /** With the buckets that `file` holds; without a file they live as long as the registry. */
  static open(file: string | undefined): Registry {
    const registry = new Registry(file === undefined ? undefined : new Journal(file));
    registry.#journal?.replay((change) => registry.#apply(change));
    registry.#journal?.begin(registry.#changes());
    return registry;
  }

  /** What a file holds, looked at without touching it. */
  static read(file: string): Registry {
    const registry = new Registry(undefined);
    new Journal(file).replay((change) => registry.#apply(change));
    return registry;
  }

  /** The same in this version of the code. `old` may be of another one, so it is asked for its parts. */
  static after(old: Registry): Registry {
    const { journal, buckets, kept } = old.parts;
    return new Registry(journal, buckets, kept);
  }

  /** What another version of the code goes on with. */
  get parts() {
    return { journal: this.#journal, buckets: this.#buckets, kept: this.#kept };
  }

  /** How many changes it has kept, and registries before it in this process. */
  get kept(): number {
    return this.#kept;
  }

  get names(): string[] {
    return [...this.#buckets.keys()].sort();
  }

  lookup(name: string): Bucket | undefined {
    return this.#buckets.get(name);
  }

  /** Makes a bucket; one that is there already stays as it is. */
  create(name: string): void {
    if (!this.#buckets.has(name)) this.#keep(['create', name]);
  }

  /** False if there is no such bucket. */
  put(name: string, key: string, value: string): boolean {
    if (!this.#buckets.has(name)) return false;
    this.#keep(['put', name, key, value]);
    return true;
  }

  /** False if there is no such bucket. */
  delete(name: string, key: string): boolean {
    if (!this.#buckets.has(name)) return false;
    this.#keep(['delete', name, key]);
    return true;
  }

  close(): void {
    this.#journal?.close();
  }

  // The journal first: what cannot be kept has not happened.
  #keep(change: Change): void {
    this.#journal?.append(change);
    this.#apply(change);
    this.#kept += 1;
  }

  #apply([what, name, key, value]: Change): void {
    if (what === 'create') this.#buckets.set(name, new Map());
    else if (what === 'put') this.#buckets.get(name)?.set(key, value);
    else this.#buckets.get(name)?.delete(key);
  }

  /** What leads from nothing to these buckets. */
  *#changes(): Generator<Change> {
    for (const [name, bucket] of this.#buckets) {
      yield ['create', name];
      for (const [key, value] of bucket) yield ['put', name, key, value];
    }
  }
}
