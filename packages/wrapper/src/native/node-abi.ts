import type { NativeAbi } from './native-file.ts';

/** Names that a native file takes from others and gives to them, as the program's text writes them. */
export interface Symbols {
  readonly imports: ReadonlySet<string>;
  readonly exports: ReadonlySet<string>;
}

/**
 * How an addon speaks to Node, by what it exports and imports; null for a file that is no addon. `registered` looks for
 * the version in the structure that an addon passes to `node_module_register`.
 */
export function abiOf({ imports, exports }: Symbols, registered: () => number | null): NativeAbi | null {
  // Node looks for these two in this order; see `napi_module_register_by_symbol` and `DLOpen` in node's src/node_binding.cc.
  for (const name of exports) {
    const version = /^node_register_module_v(\d+)$/.exec(name)?.[1];
    if (version !== undefined) return { api: 'modules', version: Number(version) };
  }
  if (exports.has('napi_register_module_v1')) return { api: 'node-api' };
  if (some(imports, isNodeApi)) return { api: 'node-api' };
  if (imports.has('node_module_register') || some(imports, isV8))
    return { api: 'modules', version: registered() };
  return null;
}

function isNodeApi(name: string): boolean {
  return /^(napi|node_api)_[a-z]/.test(name);
}

/** Names in `v8` and `node`, mangled as by the Itanium ABI and by Microsoft's compiler. */
function isV8(name: string): boolean {
  return /^_ZNK?(2v8|4node)\d|^\?.*@(v8|node)@@/.test(name);
}

function some(names: ReadonlySet<string>, accepts: (name: string) => boolean): boolean {
  for (const name of names) if (accepts(name)) return true;
  return false;
}
