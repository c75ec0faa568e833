import type { Release } from '../release.ts';

/**
 * What templates and the paths of overlays can name, with or without `it.` before it: Distillery's overlay variables
 * as far as they mean something for Node, then the configuration's `overlayVars`.
 */
export function overlayVariables(release: Release): Readonly<Record<string, unknown>> {
  const { name, version, kind, environment, options, overlayVars } = release;
  return {
    release: { name, version, kind, environment },
    release_name: name,
    release_version: version,
    environment,
    dev_mode: options.devMode,
    include_runtime: options.runtime.include,
    // As Distillery calls it.
    include_erts: options.runtime.include,
    ...overlayVars,
  };
}
