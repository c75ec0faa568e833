import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ReleaseError } from '../error.ts';
import { runningCopy } from '../import-source.ts';
import type { Installation, InstalledPackage } from '../installation.ts';
import type { ConfigProvider, Release } from '../release.ts';
import { moduleTargets, splitSpecifier } from '../sources/resolve.ts';
import { isFile } from '../tree.ts';
import type { PlannedApplication } from './applications.ts';
import { type CommandSource, findCommands } from './commands.ts';

/**
 * The modules that the boot imports by itself, by their source files. Whatever traces, transpiles or bundles a
 * program takes these for further entries.
 */
export interface Roots {
  readonly applications: readonly PlannedApplication[];
  readonly preload: readonly string[];
  readonly runtimeConfig: string | undefined;
  readonly providers: readonly ProviderSource[];
  readonly commands: readonly CommandSource[];
}

export interface ProviderSource extends ConfigProvider {
  readonly file: string;
  /** One of Sarma's own, which the project has not installed: bundled beside the boot. */
  readonly shipped: boolean;
}

/** Throws ReleaseError BOOT_MODULE for a file or package that is not there. */
export function findRoots(
  release: Release,
  installation: Installation,
  applications: readonly PlannedApplication[],
): Roots {
  const main = installation.packages.get(release.project)!;
  const { preload, runtimeConfig, commands } = release.options;
  const find = (module: string, what: string) => findModule(module, what, main, installation);
  return {
    applications,
    preload: preload.map((module) => find(module, 'preload')),
    runtimeConfig,
    providers: release.configProviders.map((provider) => findProvider(provider, find)),
    commands: commands === undefined ? [] : findCommands(commands),
  };
}

/** Every module, each once. */
export function rootFiles({ applications, preload, runtimeConfig, providers, commands }: Roots): string[] {
  const modules = applications.flatMap(({ mode, module }) =>
    mode === 'none' || module === undefined ? [] : [module],
  );
  return [
    ...new Set([
      ...preload,
      ...modules,
      ...(runtimeConfig === undefined ? [] : [runtimeConfig]),
      ...providers.filter(({ shipped }) => !shipped).map(({ file }) => file),
      ...commands.map(({ file }) => file),
    ]),
  ];
}

/** Whether there is anything for a boot to do before a program. */
export function needsBoot(release: Release, roots: Roots): boolean {
  const { buildConfig, runtimeConfig, requiredEnv } = release.options;
  return (
    release.kind === 'service' ||
    buildConfig !== undefined ||
    runtimeConfig !== undefined ||
    requiredEnv.length > 0 ||
    roots.preload.length > 0 ||
    roots.providers.length > 0
  );
}

function findProvider(
  provider: ConfigProvider,
  find: (module: string, what: string) => string,
): ProviderSource {
  try {
    return { ...provider, file: find(provider.module, 'configProviders'), shipped: false };
  } catch (error) {
    const file = shippedModule(provider.module);
    if (file === undefined) throw error;
    return { ...provider, file, shipped: true };
  }
}

/** `@sarma/app/providers/json` comes with Sarma, so that a project need not install it. */
function shippedModule(module: string): string | undefined {
  const address = runningCopy(module);
  return address === undefined ? undefined : fileURLToPath(address);
}

/** A file of the project (`./telemetry.ts`, an absolute path) or a module of a package it depends on. */
function findModule(
  module: string,
  what: string,
  main: InstalledPackage,
  { packages }: Installation,
): string {
  const file = path.resolve(main.directory, module);
  if (isFile(file)) return file;
  const isPath = module.startsWith('.') || path.isAbsolute(module);
  const found = isPath ? undefined : moduleTargets(main, packages, module).find(isFile);
  if (found !== undefined) return found;
  throw new ReleaseError(
    'BOOT_MODULE',
    isPath
      ? `${what} names ${module}, but ${file} does not exist. Correct the path; it is relative to ${main.directory}.`
      : `${what} names ${module}, which is neither a file of ${main.directory} nor a module of a package that ` +
          `${main.name} depends on. Correct the name, or run: npm install ${splitSpecifier(module)[0]}`,
  );
}
