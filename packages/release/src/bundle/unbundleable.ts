/**
 * Why a module of a package cannot be moved into a bundle: it looks for files beside itself, or loads what no
 * bundler can see. Undefined when nothing speaks against it. Looks at the text only, and rather says no too often:
 * a package that stays outside works all the same.
 */
export function unbundleable(text: string): string | undefined {
  return reasons.find(([pattern]) => pattern.test(text))?.[1];
}

const parentReason = [/\bmodule\.(?:parent|paths|children)\b/, 'it asks who loaded it'] as const;

const reasons: readonly (readonly [RegExp, string])[] = [
  [/\b__(?:dir|file)name\b/, 'it looks for files beside itself'],
  [/\bimport\.meta\.(?:url|dirname|filename|resolve)\b/, 'it looks for files beside itself'],
  parentReason,
  [
    /\brequire\.resolve\b|\bcreateRequire\b|\brequire\.cache\b|\brequire\.main\b/,
    'it uses require for more than loading',
  ],
  [/\bnew\s+Worker\s*\(/, 'it starts workers'],
  [computedCall('require'), 'it requires names that it computes'],
  [computedCall('import'), 'it imports names that it computes'],
];

/** A call of `require` or `import` with anything but one string. */
function computedCall(name: string): RegExp {
  return new RegExp(`(?<![.\\w$])${name}\\s*\\(\\s*(?!['"][^'"\\n]*['"]\\s*[,)]|\\))`);
}

/**
 * Whether first-party code loads what only the running program can name. A template that begins with a folder is
 * no secret: esbuild takes everything that it can stand for.
 */
export function loadsComputed(text: string): boolean {
  const visible = text.replaceAll(/\b(?:import|require)\s*\(\s*`\.{1,2}\//g, '');
  return [...reasons.slice(-2), parentReason].some(([pattern]) => pattern.test(visible));
}
