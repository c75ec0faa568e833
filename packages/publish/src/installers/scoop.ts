import type { PublishedExecutable } from '@sarma/update';
import {
  addressOf,
  descriptionOf,
  executableFor,
  homepageOf,
  type PackagedVersion,
  programsOf,
} from './packaged.ts';

/** Scoop's words for CPUs. */
const CPUS = { '64bit': 'win-x64', '32bit': 'win-x86', arm64: 'win-arm64' } as const;

/** A manifest (https://github.com/ScoopInstaller/Scoop/wiki/App-Manifests); undefined without an executable for Windows. */
export function scoopManifest(version: PackagedVersion): string | undefined {
  const { release, place } = version;
  const programs = programsOf(version);
  const cpus = Object.entries(CPUS).flatMap(([cpu, target]) => {
    const executables = programs.flatMap((program) => executableFor(version, program, target) ?? []);
    return executables.length === 0 ? [] : [{ cpu, executables }];
  });
  if (cpus.length === 0) return undefined;
  // What follows # is what Scoop calls the file.
  const addresses = (executables: readonly PublishedExecutable[], number?: string) =>
    oneOrMany(executables.map(({ program, file }) => `${addressOf(version, file, number)}#/${program}.exe`));
  const manifest = {
    version: release.version,
    description: descriptionOf(version),
    homepage: homepageOf(version),
    license: release.about.license ?? 'Unknown',
    architecture: Object.fromEntries(
      cpus.map(({ cpu, executables }) => {
        const hash = oneOrMany(executables.map(({ sha256 }) => sha256));
        return [cpu, { url: addresses(executables), hash }];
      }),
    ),
    bin: oneOrMany(programs.map((program) => `${program}.exe`)),
    checkver: { url: place.latest, jsonpath: '$.version' },
    autoupdate: {
      architecture: Object.fromEntries(
        cpus.map(({ cpu, executables }) => [cpu, { url: addresses(executables, '$version') }]),
      ),
      hash: { url: '$baseurl/SHA256SUMS' },
    },
  };
  return `${JSON.stringify(manifest, null, 4)}\n`;
}

function oneOrMany<Value>(values: readonly Value[]): Value | readonly Value[] {
  return values.length === 1 ? values[0]! : values;
}
