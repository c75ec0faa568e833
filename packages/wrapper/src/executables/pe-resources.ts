import { Data, NtExecutable, NtExecutableResource, Resource } from 'resedit';
import { checksum } from './pe.ts';
import { readPe } from './pe-headers.ts';
import type { IconImage } from './pe-icon.ts';
import type { VersionInformation, VersionNumbers } from './pe-version.ts';

/** What a Windows executable shows of itself. */
export interface Resources {
  /** Images of its icon; empty: Windows shows its own. */
  readonly icon: readonly IconImage[];
  /** An application manifest, XML. */
  readonly manifest: Buffer;
  readonly version: VersionInformation;
  /** A `gui` program gets no console window. */
  readonly subsystem: 'console' | 'gui';
}

/** IMAGE_SUBSYSTEM_WINDOWS_CUI and IMAGE_SUBSYSTEM_WINDOWS_GUI */
const SUBSYSTEM = { gui: 2, console: 3 } as const;
const RT_MANIFEST = 24;
/** CREATEPROCESS_MANIFEST_RESOURCE_ID */
const MANIFEST_ID = 1;
const ICON_ID = 1;
const ENGLISH = 0x409;
const UTF_16 = 1200;
/** Of VS_FIXEDFILEINFO. */
const VS_FF_PRERELEASE = 2;
const VS_FFI_FILEFLAGSMASK = 0x3f;
const VOS_NT_WINDOWS32 = 0x40004;
const VFT_APP = 1;

/**
 * A stub or launcher with these resources instead of its own, if it has any, in a section behind the others; with its
 * subsystem and its checksum. The bytes depend on nothing else. Throws MalformedExecutableError.
 */
export function withResources(program: Buffer, { icon, manifest, version, subsystem }: Resources): Buffer {
  readPe(program); // resedit believes what headers say
  const executable = NtExecutable.from(program);
  const resources = NtExecutableResource.from(executable);
  resources.entries = [];
  if (icon.length > 0)
    Resource.IconGroupEntry.replaceIconsForResource(resources.entries, ICON_ID, ENGLISH, icon.map(rawItem));
  versionResource(version).outputToResourceEntries(resources.entries);
  resources.entries.push({
    type: RT_MANIFEST,
    id: MANIFEST_ID,
    lang: ENGLISH,
    codepage: 0,
    bin: arrayBuffer(manifest),
  });
  resources.outputResource(executable);
  const file = Buffer.from(executable.generate());
  const { checksumAt, subsystemAt } = readPe(file);
  file.writeUInt16LE(SUBSYSTEM[subsystem], subsystemAt);
  file.writeUInt32LE(checksum(file, checksumAt), checksumAt);
  return file;
}

/** Images go in as they are in the file; resedit would make bitmaps anew. */
function rawItem({ width, height, bitsPerPixel, bytes }: IconImage) {
  return Data.RawIconItem.from(arrayBuffer(bytes), width, height, bitsPerPixel);
}

function versionResource({ strings, file, product, prerelease }: VersionInformation) {
  const fixed = {
    fileVersionMS: high(file),
    fileVersionLS: low(file),
    productVersionMS: high(product),
    productVersionLS: low(product),
    fileFlagsMask: VS_FFI_FILEFLAGSMASK,
    fileFlags: prerelease ? VS_FF_PRERELEASE : 0,
    fileOS: VOS_NT_WINDOWS32,
    fileType: VFT_APP,
    fileSubtype: 0,
  };
  const language = { lang: ENGLISH, codepage: UTF_16 };
  return Resource.VersionInfo.create(ENGLISH, fixed, [{ ...language, values: strings }]);
}

function high([major, minor]: VersionNumbers): number {
  return major * 0x10000 + minor;
}

function low([, , patch, build]: VersionNumbers): number {
  return patch * 0x10000 + build;
}

function arrayBuffer(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
