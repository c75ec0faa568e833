import type { Target } from '../targets.ts';

/** What a native file is and what it asks of the machine that loads it. */
export interface NativeFile {
  readonly format: 'elf' | 'pe' | 'macho';
  /** By what it asks of its loader; `other` is Android, iOS, a BSD. */
  readonly os: Target['os'] | 'other';
  /** `object`: a linker's input, debugging symbols, a core: nothing that is loaded. */
  readonly kind: 'addon' | 'library' | 'executable' | 'object';
  /** As `process.arch` and target names say it; several for a universal Mach-O, `any` for .NET, `unknown` otherwise. */
  readonly cpus: readonly string[];
  /** From the loader, the libraries or the symbol versions that it names; null where it names none. */
  readonly libc: 'glibc' | 'musl' | null;
  /** The highest versions of symbols that it needs, without their prefix: `2.28`, `3.4.26`, `1.3.9`. */
  readonly glibc: string | null;
  readonly glibcxx: string | null;
  readonly cxxabi: string | null;
  /** How an addon speaks to Node; null for other files. */
  readonly abi: NativeAbi | null;
  /** The oldest macOS that loads it, `11.0`; of a universal file the highest of them. */
  readonly macos: string | null;
}

/** Node-API, or V8 itself, for the NODE_MODULE_VERSION that it was compiled for (null: could not be found). */
export type NativeAbi =
  | { readonly api: 'node-api' }
  | { readonly api: 'modules'; readonly version: number | null };
