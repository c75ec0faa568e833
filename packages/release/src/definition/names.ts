import { ReleaseError } from '../error.ts';

const validName = /^[a-z][a-z0-9_-]*$/;

export function isName(text: string): boolean {
  return validName.test(text);
}

/** Throws ReleaseError INVALID_NAME. */
export function checkedName(name: string): string {
  if (validName.test(name)) return name;
  throw new ReleaseError(
    'INVALID_NAME',
    `"${name}" cannot name a release: expected a small letter, then small letters, digits, "_" and "-"; ` +
      `"${derivedName(name)}" would do.`,
  );
}

/** A valid release name close to one that npm allows. */
export function derivedName(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replaceAll(/^[-_]+|-+$/g, '');
  if (plain === '') return 'app';
  return validName.test(plain) ? plain : `app-${plain}`;
}

/** `from` says where the version stands. Throws ReleaseError INVALID_VERSION. */
export function checkedVersion(version: string, from?: string): string {
  if (/^[0-9A-Za-z][0-9A-Za-z.+_-]*$/.test(version)) return version;
  throw new ReleaseError(
    'INVALID_VERSION',
    `${from === undefined ? '' : `${from}: `}"${version}" cannot be a release's version: it becomes a folder's name, so expected letters, digits, ".", "+", "_" and "-".`,
  );
}
