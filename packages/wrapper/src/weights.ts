import type { Executable } from './build.ts';
import type { Frame, Manifest, ManifestFile } from './manifest.ts';

/** Something in an executable and what it weighs, in bytes. What has parts weighs what these do together. */
export interface Weight {
  readonly name: string;
  readonly kind:
    | 'executable'
    | 'slice'
    | 'runtime'
    | 'stub'
    | 'manifest'
    | 'release'
    | 'package'
    | 'folder'
    | 'file';
  /** In the executable. Of a file: its share of the frame that it is compressed in. */
  readonly stored: number;
  /** As installed; 0 for what is not installed. */
  readonly unpacked: number;
  readonly files: number;
  readonly version?: string;
  readonly license?: string;
  /** Heaviest first. */
  readonly parts?: readonly Weight[];
}

/** What the bill of materials says of the package at a place of the release. */
export interface PackageFacts {
  readonly version: string;
  readonly license?: string;
}

/** By the places of packages. */
export function packageFacts(sbom: Buffer): ReadonlyMap<string, PackageFacts> {
  const { components } = JSON.parse(sbom.toString()) as { readonly components: readonly BillComponent[] };
  return new Map(
    components.flatMap(({ version, licenses = [], properties = [] }) =>
      properties
        .filter(({ name, value }) => name === 'sarma:package:place' && value !== 'bundled')
        .map(({ value }) => {
          const license = licenses
            .map((one) => one.expression ?? one.license?.id ?? one.license?.name)
            .join(', ');
          return [value, { version, ...(license !== '' && { license }) }] as const;
        }),
    ),
  );
}

/** What is read of a component in our own bill of materials. */
interface BillComponent {
  readonly version: string;
  readonly licenses?: readonly {
    readonly expression?: string;
    readonly license?: { readonly id?: string; readonly name?: string };
  }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/**
 * What weighs what in an executable: its stub, runtime and manifest, and each package with its folders and files. A file
 * belongs to the innermost package that holds it.
 */
export function weigh(
  manifest: Manifest,
  parts: Executable['parts'],
  facts: ReadonlyMap<string, PackageFacts>,
): Weight {
  const { runtime, name } = manifest;
  const packages = Map.groupBy(storedShares(manifest.files, manifest.frames), ({ file }) =>
    placeOf(file.path, facts),
  );
  const own: Weight[] = [
    {
      name: `node ${runtime.version}`,
      kind: 'runtime',
      stored: parts.runtime,
      unpacked: runtime.size,
      files: 0,
    },
    { name: 'stub', kind: 'stub', stored: parts.stub, unpacked: 0, files: 0 },
    { name: 'manifest', kind: 'manifest', stored: parts.manifest, unpacked: 0, files: 0 },
  ];
  const held = [...packages].map(([place, files]): Weight => {
    const skipped = place === '' ? 0 : place.length + 1;
    const inside = files.map(({ file, stored }) => ({
      path: file.path.slice(skipped).split('/'),
      stored,
      unpacked: file.size,
    }));
    const title = place === '' ? '(the release itself)' : titleOf(place, facts.get(place)?.version);
    return { ...folder(title, inside, 0), kind: 'package', ...facts.get(place) };
  });
  return whole(name, 'executable', [...own, whole('code', 'release', held)]);
}

/** What weighs what in a file: in its only executable, or in the slices of a universal one. */
export function weighSlices(
  slices: readonly { readonly tree: Weight; readonly manifest: Manifest }[],
): Weight {
  const { tree, manifest } = slices[0]!;
  if (slices.length === 1) return tree;
  const parts = slices.map(
    (slice): Weight => ({ ...slice.tree, kind: 'slice', name: slice.manifest.target }),
  );
  return whole(manifest.name, 'executable', parts);
}

interface Share {
  readonly file: ManifestFile;
  readonly stored: number;
}

/** Files lie in the tar in the order of their paths, each behind a block, in whole blocks. */
function storedShares(files: readonly ManifestFile[], frames: readonly Frame[]): readonly Share[] {
  const large = Map.groupBy(
    frames.filter(({ file }) => file !== undefined),
    ({ file }) => file,
  );
  const inTar = files.filter(({ path }) => !large.has(path));
  const release = frames.filter(({ part, file }) => part === 'release' && file === undefined);
  const frameOf = new Map<Frame, { bytes: number; files: ManifestFile[] }>(
    release.map((frame) => [frame, { bytes: 0, files: [] }]),
  );
  const blocks = inTar.map(({ size }) => 512 + Math.ceil(size / 512) * 512);
  const whole = blocks.reduce((total, bytes) => total + bytes, 0);
  const tar = release.reduce((total, { size }) => total + size, 0);
  let position = 0;
  let index = 0;
  for (const [at, file] of inTar.entries()) {
    // Directories and long names take blocks too: spread over all.
    const middle = ((position + blocks[at]! / 2) / whole) * tar;
    while (index < release.length - 1 && middle >= release[index]!.position + release[index]!.size) index++;
    const frame = frameOf.get(release[index]!)!;
    frame.bytes += file.size;
    frame.files.push(file);
    position += blocks[at]!;
  }
  const shares = [...frameOf].flatMap(([frame, { bytes, files }]) => {
    // What a frame stores of names and padding belongs to its files as well.
    const share = (file: ManifestFile) =>
      bytes === 0 ? frame.length / files.length : (file.size / bytes) * frame.length;
    return files.map((file) => ({ file, stored: share(file) }));
  });
  const own = (file: ManifestFile) => large.get(file.path)!.reduce((sum, { length }) => sum + length, 0);
  const alone = files.filter(({ path }) => large.has(path)).map((file) => ({ file, stored: own(file) }));
  return [...shares, ...alone];
}

/** The innermost package: one that the bill of materials knows, else below the last `node_modules`, or in `lib`. */
function placeOf(path: string, facts: ReadonlyMap<string, PackageFacts>): string {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    if (facts.has(path.slice(0, at))) return path.slice(0, at);
  }
  return (
    /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)|^lib\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? ''
  );
}

/** Folders in `lib` end with their version, which is told besides where it is known. */
function titleOf(place: string, version: string | undefined): string {
  const name = place.replace(/^.*node_modules\//, '').replace(/^lib\//, '');
  const isOwn = place.startsWith('lib/') && !place.includes('node_modules/');
  return isOwn && version !== undefined && name.endsWith(`-${version}`)
    ? name.slice(0, -version.length - 1)
    : name;
}

interface Inside {
  readonly path: readonly string[];
  readonly stored: number;
  readonly unpacked: number;
}

function folder(name: string, files: readonly Inside[], depth: number): Weight {
  const parts = [...Map.groupBy(files, ({ path }) => path[depth]!)].map(([part, inside]): Weight => {
    const first = inside[0]!;
    const isFile = first.path.length === depth + 1;
    if (!isFile) return folder(part, inside, depth + 1);
    return { name: part, kind: 'file', stored: Math.round(first.stored), unpacked: first.unpacked, files: 1 };
  });
  // A folder with nothing in it but one folder: one step, not two.
  const [only] = parts;
  if (parts.length === 1 && only?.kind === 'folder' && depth > 0)
    return { ...only, name: `${name}/${only.name}` };
  return whole(name, 'folder', parts);
}

function whole(name: string, kind: Weight['kind'], given: readonly Weight[]): Weight {
  const parts = given.toSorted(heaviest);
  const sum = (key: 'stored' | 'unpacked' | 'files') =>
    parts.reduce((total, weight) => total + weight[key], 0);
  return { name, kind, stored: sum('stored'), unpacked: sum('unpacked'), files: sum('files'), parts };
}

function heaviest(a: Weight, b: Weight): number {
  return b.stored - a.stored || b.unpacked - a.unpacked || (a.name < b.name ? -1 : 1);
}
