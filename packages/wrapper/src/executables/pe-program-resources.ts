import { readFile } from 'node:fs/promises';
import type { ExecutableSettings } from '../settings.ts';
import { type IconImage, readIcon } from './pe-icon.ts';
import { checkManifest, DEFAULT_MANIFEST } from './pe-manifest.ts';
import type { Resources } from './pe-resources.ts';
import { versionInformation } from './pe-version.ts';

/** What all programs of a release have in common of their resources. */
export interface ResourceFiles {
  readonly icon: readonly IconImage[];
  readonly manifest: Buffer;
}

export class ResourceFileError extends Error {
  override readonly name = 'ResourceFileError';
  readonly code = 'RESOURCE_UNREADABLE';
}

/** Reads and checks the user's files. Throws ResourceFileError, IconError and ApplicationManifestError. */
export async function readResourceFiles({ windows }: ExecutableSettings): Promise<ResourceFiles> {
  const { icon, manifest } = windows;
  const content = manifest === undefined ? Buffer.from(DEFAULT_MANIFEST) : await read(manifest, 'manifest');
  if (manifest !== undefined) checkManifest(content, manifest);
  return {
    icon: icon === undefined ? [] : readIcon(await read(icon, 'icon'), icon),
    manifest: content,
  };
}

async function read(file: string, key: 'icon' | 'manifest'): Promise<Buffer> {
  return await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.message})`;
    throw new ResourceFileError(
      `${file} ${reason}. wrap.windows.${key} has to name a file; its path is relative to the project.`,
      { cause },
    );
  });
}

/** What decides the resources of a release's programs; without `resources` they have none. */
export interface ResourceContext {
  readonly release: { readonly name: string; readonly version: string };
  readonly settings: ExecutableSettings;
  readonly resources: ResourceFiles | undefined;
}

/** A stub or launcher with the resources of one of the release's programs. Throws what `withResources` does, and VersionInformationError. */
export async function withOwnResources(
  native: Buffer,
  { release, settings, resources }: ResourceContext,
  program: string,
  subsystem: Resources['subsystem'] = settings.windows.subsystem ?? 'console',
): Promise<Buffer> {
  if (resources === undefined) return native;
  const described = { ...settings.about, product: release.name, program, version: release.version };
  const version = versionInformation(described, settings.windows.version);
  const { withResources } = await import('./pe-resources.ts');
  return withResources(native, { ...resources, version, subsystem });
}
