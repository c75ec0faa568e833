/** What the step `tar` calls the archive of a version for a target. */
export function archiveName(name: string, version: string, target: string): string {
  return `${name}-${version}-${target}.tar.gz`;
}

/** The version that a file is the archive of, by its name; undefined for what is none of this release. */
export function archivedVersion(name: string, file: string): string | undefined {
  if (!file.startsWith(`${name}-`)) return undefined;
  return /^(.+)-(?:linux|darwin|win)-[a-z0-9-]+\.tar\.gz$/.exec(file.slice(name.length + 1))?.[1];
}
