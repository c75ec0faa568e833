/** What the inspector tells debuggers in `/json/version`, and the address of the sources in `process.release`. */
const TRACES = [/^node\.js\/v(\d+\.\d+\.\d+)/, /^node-v(\d+\.\d+\.\d+)\.tar\.gz/];

/** The version of a Node executable of any system, from what is written in it; undefined when nothing is. */
export function nodeVersion(content: Buffer): string | undefined {
  for (const start of ['node.js/v', 'node-v']) {
    for (let at = content.indexOf(start); at !== -1; at = content.indexOf(start, at + 1)) {
      const here = content.toString('latin1', at, at + 64);
      const version = TRACES.map((trace) => trace.exec(here)?.[1]).find((found) => found !== undefined);
      if (version !== undefined) return version;
    }
  }
  return undefined;
}
