/** What the properties of a Windows executable show: the strings, in their order, and whether it is a pre-release. */
export interface VersionInformation {
  readonly strings: Readonly<Record<string, string>>;
  /** Four numbers of 16 bits each. */
  readonly file: VersionNumbers;
  readonly product: VersionNumbers;
  readonly prerelease: boolean;
}

export type VersionNumbers = readonly [number, number, number, number];

export class VersionInformationError extends Error {
  override readonly name = 'VersionInformationError';
  readonly code = 'VERSION_INFORMATION_TOO_LONG';
}

/** What it is made of. */
export interface Described {
  readonly product: string;
  readonly program: string;
  readonly version: string;
  readonly description?: string | undefined;
  readonly author?: string | undefined;
  readonly license?: string | undefined;
}

/** All of it has to fit a structure whose length has 16 bits. */
const MAXIMUM_CHARACTERS = 30_000;
const MAXIMUM_NUMBER = 0xffff;

/**
 * The version information of a program, in the strings that Microsoft's "VERSIONINFO resource" names, with those of the
 * user over ours. Throws VersionInformationError.
 */
export function versionInformation(
  described: Described,
  overrides: Readonly<Record<string, string>>,
): VersionInformation {
  const { program, product, version, description, author } = described;
  const strings: Record<string, string> = {
    ...(author !== undefined && { CompanyName: author }),
    FileDescription: description ?? program,
    FileVersion: version,
    InternalName: program,
    ...copyrightOf(described),
    OriginalFilename: `${program}.exe`,
    ProductName: product,
    ProductVersion: version,
    ...overrides,
  };
  const length = Object.entries(strings).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (length > MAXIMUM_CHARACTERS)
    throw new VersionInformationError(
      `The version information of ${program} has ${length} characters, and Windows takes about ${MAXIMUM_CHARACTERS}. ` +
        'Shorten "description" in package.json, or the strings of wrap.windows.version.',
    );
  const { FileVersion, ProductVersion } = strings as { FileVersion: string; ProductVersion: string };
  return {
    strings,
    file: versionNumbers(FileVersion),
    product: versionNumbers(ProductVersion),
    prerelease: VERSION.exec(FileVersion)?.[5] === '-',
  };
}

function copyrightOf({ author, license }: Described): { LegalCopyright?: string } {
  const isNamed = license !== undefined && !/^(UNLICENSED|SEE LICEN[CS]E IN .*)$/i.test(license);
  const parts = [
    ...(author === undefined ? [] : [`Copyright ${author}`]),
    ...(isNamed ? [`License: ${license}`] : []),
  ];
  return parts.length === 0 ? {} : { LegalCopyright: parts.join('. ') };
}

/** Up to four numbers and what ends them. */
const VERSION = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?([-+ ]|$)/;

/**
 * What Windows compares. A pre-release has the numbers of its release and a flag: a fourth number would make it newer
 * than that. What is no version at all (a commit) is 0.0.0.0.
 */
function versionNumbers(version: string): VersionNumbers {
  const [, ...numbers] = VERSION.exec(version) ?? [];
  const at = (index: number) => Math.min(Number(numbers[index] ?? 0), MAXIMUM_NUMBER);
  return [at(0), at(1), at(2), at(3)];
}
