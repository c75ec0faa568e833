/**
 * Files that a release never takes unless they are named: what is private to a machine or a person, and data
 * that a program writes. Matched against base names.
 */
const patterns: readonly RegExp[] = [
  /^\.env(?!\.example$)(\..*)?$/,
  /\.env$/,
  /^(\.npmrc|\.yarnrc\.yml|\.netrc|_netrc|\.pypirc|\.htpasswd)$/,
  /\.(pem|key|p12|pfx|keystore|jks)$/i,
  // Keys of ssh; a name with an ending, like id_map.js, is code.
  /^id_[\w-]+(\.pub)?$/,
  /\.(sqlite3?|db3?)(-(wal|shm|journal))?$/i,
];

export function isPrivate(baseName: string): boolean {
  return patterns.some((pattern) => pattern.test(baseName));
}
