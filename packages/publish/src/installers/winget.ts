import {
  addressOf,
  descriptionOf,
  executableFor,
  homepageOf,
  type PackagedVersion,
  programsOf,
} from './packaged.ts';

/**
 * Of the schemas, https://github.com/microsoft/winget-cli/tree/master/schemas/JSON/manifests: the one of what winget-pkgs has
 * merged lately. It refuses manifests of others, which `winget validate` takes.
 */
const SCHEMA = '1.12.0';

/** The words of winget for CPUs. */
const CPUS = { x64: 'win-x64', x86: 'win-x86', arm64: 'win-arm64' } as const;

/**
 * The three manifests of a version, file name behind `folder` → text; none without an executable for Windows. A package of
 * winget has one portable program: the main one.
 */
export function wingetManifests(
  version: PackagedVersion,
  { id, publisher }: { readonly id: string; readonly publisher?: string | undefined },
  folder: string,
): Readonly<Record<string, string>> {
  const { release, staged } = version;
  const program = programsOf(version)[0]!;
  const installers = Object.entries(CPUS).flatMap(([Architecture, target]) => {
    const executable = executableFor(version, program, target);
    if (executable === undefined) return [];
    const { file, sha256 } = executable;
    return [{ Architecture, InstallerUrl: addressOf(version, file), InstallerSha256: sha256.toUpperCase() }];
  });
  if (installers.length === 0) return {};
  const head = { PackageIdentifier: id, PackageVersion: release.version };
  const { about } = release;
  return {
    [`${folder}${id}.yaml`]: manifest('version', { ...head, DefaultLocale: 'en-US' }),
    [`${folder}${id}.installer.yaml`]: manifest('installer', {
      ...head,
      InstallerType: 'portable',
      Commands: [program],
      ...(staged.feed.date !== undefined && { ReleaseDate: staged.feed.date.slice(0, 10) }),
      Installers: installers,
    }),
    [`${folder}${id}.locale.en-US.yaml`]: manifest('defaultLocale', {
      ...head,
      PackageLocale: 'en-US',
      Publisher: publisher ?? about.author ?? id.split('.')[0]!,
      ...(about.author !== undefined && { Author: about.author }),
      PackageName: release.name,
      PackageUrl: homepageOf(version),
      License: about.license ?? 'Unknown',
      ShortDescription: descriptionOf(version).slice(0, 256),
      Moniker: release.name,
      ...(staged.feed.notes && { ReleaseNotes: staged.feed.notes.slice(0, 10_000) }),
    }),
  };
}

type Value = string | readonly (string | Readonly<Record<string, string>>)[];

/** YAML in blocks; texts are as JSON has them, which is YAML, too. */
function manifest(type: string, values: Readonly<Record<string, Value>>): string {
  const comment = `# yaml-language-server: $schema=https://aka.ms/winget-manifest.${type}.${SCHEMA}.schema.json`;
  const all: Readonly<Record<string, Value>> = { ...values, ManifestType: type, ManifestVersion: SCHEMA };
  const lines = Object.entries(all).flatMap(([key, value]) =>
    typeof value === 'string' ? keyed(key, value) : [`${key}:`, ...value.flatMap(item)],
  );
  return `${[comment, ...lines].join('\n')}\n`;
}

function item(value: string | Readonly<Record<string, string>>): string[] {
  if (typeof value === 'string') return [`- ${JSON.stringify(value)}`];
  const lines = Object.entries(value).map(([key, text]) => keyed(key, text));
  return lines.map((line, index) => `${index === 0 ? '- ' : '  '}${line}`);
}

function keyed(key: string, text: string): string {
  return `${key}: ${JSON.stringify(text)}`;
}
