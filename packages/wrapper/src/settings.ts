import type { Command } from './command.ts';

/** What decides an executable besides the release, its target and its runtime. Paths are absolute. */
export interface ExecutableSettings {
  /** Drops the symbol table of a Linux runtime. */
  readonly strip: boolean;
  /** Languages whose data stays in the runtime (BCP 47, `en`, `pt-BR`); undefined: all, the runtime stays as it is. */
  readonly locales: readonly string[] | undefined;
  readonly addons: {
    /** Builds a package's native addon for another target, in a copy of the package. */
    readonly rebuild: Command | undefined;
    /** Patterns of native files, relative to the release's root, that are not held to the target. */
    readonly skip: readonly string[];
    /** The same of files for other targets that stay; `*` means all. */
    readonly keep: readonly string[];
  };
  readonly macos: { readonly sign: Command | undefined };
  readonly windows: {
    readonly sign: Command | undefined;
    readonly icon: string | undefined;
    readonly manifest: string | undefined;
    readonly subsystem: 'console' | 'gui' | undefined;
    /** Strings of the version information, over those that come from `about`. */
    readonly version: Readonly<Record<string, string>>;
  };
  readonly about: About;
}

/** What the project's `package.json` says of it, for version information and the bill of materials. */
export interface About {
  readonly description?: string | undefined;
  readonly author?: string | undefined;
  readonly license?: string | undefined;
  readonly homepage?: string | undefined;
}

export const DEFAULT_SETTINGS: ExecutableSettings = {
  strip: true,
  locales: undefined,
  addons: { rebuild: undefined, skip: [], keep: [] },
  macos: { sign: undefined },
  windows: { sign: undefined, icon: undefined, manifest: undefined, subsystem: undefined, version: {} },
  about: {},
};
