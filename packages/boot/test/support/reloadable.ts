import { createHash } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BootApplication, BootFile } from '../../src/boot-file.ts';
import { ask } from '../../src/control/client.ts';
import { FORMAT } from '../../src/control/request.ts';
import { readEnvironment } from '../../src/environment.ts';
import type { PackageFacts, ReleaseFile } from '../../src/reload/release-file.ts';
import type { ReloadRequest, ReloadResult } from '../../src/reload/request.ts';
import { bootOf, type TestRelease, testRelease } from './release.ts';

// Versions of the release `demo` as `assemble` leaves them, each in a root of its own.

/** A package by the name of its files; `imports` are those that it depends on. */
export interface TestPackage {
  readonly files: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly imports?: readonly string[];
}

export interface VersionParts {
  readonly version: string;
  /** Those of others lie in `lib/node_modules`, applications and what `own` names in `lib`, as `name-version`. */
  readonly packages: Readonly<Record<string, TestPackage>>;
  readonly own?: readonly string[];
  /** In the order in which they start; the module is `application.mjs` of the package of that name. */
  readonly applications: readonly (string | (Partial<BootApplication> & { readonly name: string }))[];
  readonly config?: unknown;
  readonly boot?: Partial<BootFile>;
  readonly release?: Partial<ReleaseFile>;
}

/** The version that is started. */
export async function firstVersion(parts: VersionParts): Promise<TestRelease> {
  const { files, links } = filesOf(parts);
  const release = await testRelease({ files, version: parts.version });
  await makeLinks(release.root, links);
  return release;
}

/** Another version beside it; resolves to its root. */
export async function laterVersion({ root }: TestRelease, parts: VersionParts): Promise<string> {
  const place = path.join(root, 'versions', parts.version);
  const { files, links } = filesOf(parts);
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(place, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  await makeLinks(place, links);
  return place;
}

/** What the command `reload` asks of the node for a version at this place. Rejects as it does. */
export async function reload(
  { root, version }: TestRelease,
  place: string,
  given: Partial<ReloadRequest> = {},
): Promise<ReloadResult> {
  const boot = JSON.parse(
    await readFile(path.join(root, `releases/${version}/boot.json`), 'utf8'),
  ) as BootFile;
  const start = JSON.parse(await readFile(path.join(place, 'releases/start.json'), 'utf8'));
  const environment = readEnvironment(root, boot, ['reload'], { HOME: root });
  const result = await ask(boot, environment, 'reload', {
    format: FORMAT,
    ...{ version: start.version, root: place, executable: null, runtime: null },
    ...{ restartChanged: false, isPermanent: false, dryRun: false },
    ...given,
  });
  return result as ReloadResult;
}

function filesOf(parts: VersionParts) {
  const { version, packages, applications, config = {}, own = [] } = parts;
  const names = applications.map((one) => (typeof one === 'string' ? one : one.name));
  const isOwn = (name: string) => names.includes(name) || own.includes(name) || name === 'demo';
  const placeOf = (name: string) => {
    const { version: number = '1.0.0' } = packages[name]!;
    return isOwn(name) ? `lib/${name}-${number}` : `lib/node_modules/${name}`;
  };
  const facts = Object.entries(packages).map(
    ([name, { files, version: number = '1.0.0', imports = [] }]): PackageFacts => ({
      name,
      version: number,
      path: placeOf(name),
      digest: createHash('sha256').update(JSON.stringify(files)).digest('hex'),
      dependencies: Object.fromEntries(imports.map((one) => [one, placeOf(one)])),
    }),
  );
  const boot = bootOf(
    applications.map((one) => {
      const given = typeof one === 'string' ? { name: one } : one;
      return {
        path: placeOf(given.name),
        module: `${placeOf(given.name)}/application.mjs`,
        version: packages[given.name]!.version ?? '1.0.0',
        ...given,
      };
    }),
    { version, main: packages.demo === undefined ? placeOf(names[0]!) : placeOf('demo'), ...parts.boot },
  );
  const release: ReleaseFile = {
    name: 'demo',
    version,
    nodeLine: null,
    packages: facts,
    fixed: { boot: 'the same', preload: [] },
    ...parts.release,
  };
  const code = Object.entries(packages).flatMap(([name, { files }]) =>
    Object.entries(files).map(([file, text]) => [`${placeOf(name)}/${file}`, text] as const),
  );
  return {
    files: {
      'package.json': '{"private":true,"type":"commonjs"}',
      'releases/start.json': JSON.stringify({ version, runtime: null }),
      [`releases/${version}/release.json`]: JSON.stringify(release),
      [`releases/${version}/boot.json`]: JSON.stringify(boot),
      [`releases/${version}/sys.config.json`]: JSON.stringify(config),
      ...Object.fromEntries(code),
    },
    links: Object.keys(packages)
      .filter(isOwn)
      .map((name) => [`lib/node_modules/${name}`, `../${path.posix.basename(placeOf(name))}`] as const),
  };
}

async function makeLinks(root: string, links: readonly (readonly [string, string])[]): Promise<void> {
  for (const [name, target] of links) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await symlink(target, file);
  }
}
