/** In a sealed machine: a complete install, but for a runtime that is none: it prints `planted`. It has size and time of the real one. */
export const plant = (base: string) => `
  ./app maintenance extract ${base} 2>/dev/null
  node=$(echo ${base}/runtimes/*/bin/node)
  size=$(stat -c %s "$node")
  printf '#!/bin/sh\\necho planted\\nexit\\n' >"$node"
  truncate -s "$size" "$node"
  touch -d '2000-01-01 00:00:00 UTC' "$node"
`;
