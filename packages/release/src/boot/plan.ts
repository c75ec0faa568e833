import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { BootApplication, BootCommand, BootFile, BootProvider, Instruction } from '@sarma/boot';
import type { Release } from '../release.ts';
import { isStarted, type PlannedApplication } from './applications.ts';
import { type CommandSource, commandDescription } from './commands.ts';
import type { ProviderSource, Roots } from './roots.ts';

/** Where things lie when the boot runs: in a release relative to its root, for `sarma run` where they are. */
export interface Places {
  readonly ofFile: (file: string) => string;
  readonly ofPackage: (directory: string) => string;
}

/** What is found out while a release is built, besides its modules. */
export interface Built {
  /** Place of sys.config.json. */
  readonly sys: string;
  /** What the providers' `init` returned, in their order. */
  readonly providerStates: readonly unknown[];
  /** `application.key` → inlined value. */
  readonly compiled: Readonly<Record<string, unknown>>;
  readonly hooks: BootFile['hooks'];
  /** Modules that are compiled ahead. */
  readonly linked: readonly string[];
}

export async function planBoot(
  release: Release,
  roots: Roots,
  places: Places,
  built: Built,
): Promise<BootFile> {
  const { name, version, kind, environment, options } = release;
  const { sys, compiled, hooks } = built;
  const { requiredEnv, validateCompileEnv, shutdownTimeout, drainTimeout, cookie } = options;
  const { ofFile, ofPackage } = places;
  const programs = Object.entries(release.entries).map(([program, file]) => [program, ofFile(file)]);
  const applications = roots.applications.map((one) => applicationOf(one, places));
  const preload = roots.preload.map(ofFile);
  const providers = roots.providers.map((one, index) =>
    providerOf(one, release, places, built.providerStates[index]),
  );
  const runtime = roots.runtimeConfig === undefined ? null : ofFile(roots.runtimeConfig);
  return {
    format: 1,
    name,
    version,
    kind,
    environment,
    nodeLine: nodeLine(release),
    main: ofPackage(release.project),
    programs: Object.fromEntries(programs),
    instructions: instructions(release, applications, preload, built.linked.map(ofFile)),
    applications,
    configuration: { sys, providers, runtime, requiredEnv, compiled, validateCompileEnv },
    commands: await Promise.all(roots.commands.map((one) => commandOf(one, places))),
    hooks,
    shutdownTimeout,
    ...(drainTimeout === undefined ? {} : { upgrade: { drainTimeout } }),
    ...(cookie === undefined ? {} : { cookie }),
  };
}

function applicationOf(
  { installed, mode, module, dependencies }: PlannedApplication,
  { ofFile, ofPackage }: Places,
): BootApplication {
  return {
    name: installed.name,
    version: installed.version,
    path: ofPackage(installed.directory),
    mode,
    module: module === undefined || mode === 'none' ? null : ofFile(module),
    dependencies,
    ...(module !== undefined && mode !== 'none' && { codeChange: namesCodeChange(module) }),
  };
}

/** As its text has it: the module is not run where a release is built. What it really exports decides in the node. */
function namesCodeChange(module: string): boolean {
  return /\bcodeChange\b/.test(readFileSync(module, 'utf8'));
}

function providerOf(
  { module, file }: ProviderSource,
  { project }: Release,
  { ofFile }: Places,
  state: unknown,
): BootProvider {
  return { name: providerName(module, project), module: ofFile(file), state };
}

async function commandOf({ name, file }: CommandSource, { ofFile }: Places): Promise<BootCommand> {
  return { name, module: ofFile(file), description: await commandDescription(file) };
}

/** As a failing boot shows it: a file of the project by where it lies in there, whatever lies around it. */
function providerName(module: string, project: string): string {
  if (!path.isAbsolute(module)) return module;
  return path.relative(project, module).split(path.sep).join('/');
}

/** Everything is loaded before anything starts, so that a module that cannot be imported stops the boot early. */
function instructions(
  release: Release,
  applications: readonly BootApplication[],
  preload: readonly string[],
  linked: readonly string[],
): readonly Instruction[] {
  const loaded = applications.filter(({ module }) => module !== null);
  const started = loaded.filter(({ mode }) => isStarted(mode));
  const run = started.length > 0 ? [] : programsToRun(release);
  return [
    { do: 'configure' },
    ...preload.map((module): Instruction => ({ do: 'preload', module })),
    ...(linked.length > 0 ? [{ do: 'link', modules: linked } as const] : []),
    ...loaded.map(({ name }): Instruction => ({ do: 'load', application: name })),
    ...started.map(({ name }): Instruction => ({ do: 'start', application: name })),
    ...run.map((program): Instruction => ({ do: 'run', program })),
  ];
}

/**
 * Of the programs of a `cli` one is meant at a time. A service without applications is its program; with several, the
 * one named like it.
 */
function programsToRun({ name, kind, entries }: Release): readonly string[] {
  const programs = Object.keys(entries);
  return kind === 'service' && programs.length > 1
    ? programs.filter((program) => program === name)
    : programs;
}

/**
 * The line of Node a release is for: that of the runtime it asks for, or without one of its own the line it is built
 * with. Null where any will do, because the runtime comes with it.
 */
export function nodeLine({ manifest, options }: Release): number | null {
  const { version, include } = options.runtime;
  const line = lineOf(version) ?? lineOf(manifest.engines?.node);
  if (line !== undefined) return line;
  return include ? null : Number(process.versions.node.split('.')[0]);
}

/** `24`, `v24.1.0`, `^24.1`, `~24.3`, `24.x` → 24; undefined for a range of several lines, a path, an address. */
function lineOf(version: string | undefined): number | undefined {
  const line = /^[v=^~]?\s*(\d+)(?:\.(?:\d+|x|\*)){0,2}$/.exec(version?.trim() ?? '')?.[1];
  return line === undefined ? undefined : Number(line);
}
