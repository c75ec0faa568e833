/** The little of npm's libraries that is used here; neither has types of its own. */

declare module '@npmcli/config' {
  export default class Config {
    constructor(options: {
      readonly npmPath: string;
      readonly definitions: unknown;
      readonly shorthands: unknown;
      readonly flatten: unknown;
      readonly argv: readonly string[];
      readonly env: NodeJS.ProcessEnv;
      readonly cwd: string;
      readonly warn: boolean;
    });
    load(): Promise<void>;
    get(name: string): unknown;
    readonly flat: Readonly<Record<string, unknown>>;
  }
}

declare module '@npmcli/config/lib/definitions/index.js' {
  const options: { readonly definitions: unknown; readonly shorthands: unknown; readonly flatten: unknown };
  export default options;
}

declare module 'npm-registry-fetch' {
  export interface RegistryResponse {
    readonly status: number;
    readonly headers: { get(name: string): string | null };
    /** `destroy` also ends the request. */
    readonly body: NodeJS.ReadableStream & AsyncIterable<Buffer> & { destroy(error: Error): void };
    json(): Promise<unknown>;
    text(): Promise<string>;
  }
  function registryFetch(url: string, options: Readonly<Record<string, unknown>>): Promise<RegistryResponse>;
  namespace registryFetch {
    function pickRegistry(spec: string, options: Readonly<Record<string, unknown>>): string;
  }
  export default registryFetch;
}
