/** What the commands are called in older systems → ours, with the words that stand before the arguments. */
export const aliases: Readonly<Record<string, readonly [command: string, ...words: string[]]>> = {
  console: ['start_repl'],
  start_iex: ['start_repl'],
  daemon_iex: ['daemon'],
  foreground: ['start'],
  remote_console: ['remote'],
  reboot: ['restart'],
  status: ['describe'],
  install: ['service', 'install'],
  uninstall: ['service', 'uninstall'],
  '-h': ['help'],
  '--help': ['help'],
  '--version': ['version'],
};

/** The command as it is called here, and its arguments. Without a word: `start`. */
export function resolveAlias(
  words: readonly string[],
  custom: readonly string[],
): readonly [string, ...string[]] {
  const [word = 'start', ...rest] = words;
  const alias = custom.includes(word) ? undefined : Object.hasOwn(aliases, word) && aliases[word];
  return alias ? [...alias, ...rest] : [word, ...rest];
}
