/**
 * A word as one types it: for a POSIX shell, or for cmd. PowerShell takes for a command what has no quotes, so only what needs
 * them has them.
 */
export function quoted(word: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return /^[\p{L}\p{N}_+:.~\\-]+$/u.test(word) ? word : `"${word}"`;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
