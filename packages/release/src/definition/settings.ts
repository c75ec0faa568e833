import path from 'node:path';
import type { ApplicationMode } from '@sarma/boot';
import type {
  ApplicationChoice,
  BuildHook,
  ConfigProvider,
  Overlay,
  ReleaseKind,
  ReleaseSettings,
  RuntimeSettings,
  Step,
} from '../release.ts';
import { moduleNames } from '../sources/package.ts';
import { configPaths } from './paths.ts';
import { type Among, readPublish, readUpdate } from './publishing.ts';
import type { BuildHookConfig, ReleaseConfig } from './sarma-config.ts';

/** Whose settings they are. */
interface Place {
  readonly project: string;
  readonly kind: ReleaseKind;
  /** Whether the project shows in any way that Sarma is meant: only then are its `config/` and `rel/` looked into. */
  readonly usesSarma: boolean;
  readonly configFile: string | undefined;
  readonly environments: readonly string[];
  readonly among: Among;
  /** Names the configuration in messages. */
  readonly where: string;
}

/** What a release's configuration says, with defaults for what it does not. Throws ReleaseError CONFIG_PATH. */
export function readSettings(config: ReleaseConfig, place: Place): ReleaseSettings {
  const paths = configPaths(place.project, place.where);
  const found = (key: string, given: string | false | undefined, defaults: readonly string[]) =>
    paths.orDefault(key, given, place.usesSarma ? defaults : []);
  return {
    configFile: place.configFile,
    environments: place.environments,
    devMode: config.devMode ?? false,
    runtime: readRuntime(config, place.project, place.where),
    targets: config.targets ?? [],
    preload: (config.preload ?? []).map((module, index) => paths.module(`preload[${index}]`, module)),
    vmArgs: found('vmArgs', config.vmArgs, templates('vm.args')),
    remoteVmArgs: found('remoteVmArgs', config.remoteVmArgs, templates('remote.vm.args')),
    envScript: {
      sh: found('envScript.sh', config.envScript?.sh, templates('env.sh')),
      bat: found('envScript.bat', config.envScript?.bat, templates('env.bat')),
    },
    hooks: found('hooks', config.hooks, ['rel/hooks']),
    commands: found(
      'commands',
      config.commands,
      place.kind === 'service' ? ['rel/commands', 'commands'] : [],
    ),
    buildConfig: found('buildConfig', config.buildConfig, moduleNames('config/config')),
    runtimeConfig: found('runtimeConfig', config.runtimeConfig, moduleNames('config/runtime')),
    buildEnv: config.buildEnv ?? [],
    requiredEnv: config.requiredEnv ?? [],
    define: config.define ?? {},
    validateCompileEnv: config.validateCompileEnv ?? true,
    mode: config.mode ?? 'embedded',
    shutdownTimeout: config.shutdownTimeout ?? 10_000,
    drainTimeout: config.upgrade?.drainTimeout,
    cookie: config.cookie,
    skipModeValidationFor: config.skipModeValidationFor ?? [],
    exclude: config.exclude ?? [],
    excludePackages: config.excludePackages ?? [],
    strip: readStrip(config),
    upgradeFrom: [config.upgradeFrom ?? []].flat(),
    wrap: {
      keep: config.wrap?.keep,
      maintenance: config.wrap?.maintenance,
      nodeOptions: config.wrap?.nodeOptions,
      mutable: config.wrap?.mutable,
      compileCache: config.wrap?.compileCache,
      snapshot: config.wrap?.snapshot,
      compression: config.wrap?.compression,
      engine: config.wrap?.engine,
      locales: config.wrap?.locales,
      addons: {
        rebuild: config.wrap?.addons?.rebuild,
        skip: config.wrap?.addons?.skip ?? [],
        keep: keptForOthers(config),
      },
      macos: { sign: config.wrap?.macos?.sign },
      windows: {
        sign: config.wrap?.windows?.sign,
        icon: paths.orDefault('wrap.windows.icon', config.wrap?.windows?.icon, []),
        manifest: paths.orDefault('wrap.windows.manifest', config.wrap?.windows?.manifest, []),
        subsystem: config.wrap?.windows?.subsystem,
        version: config.wrap?.windows?.version ?? {},
      },
      verify: config.wrap?.verify,
      extraSteps: config.wrap?.extraSteps ?? {},
      phases: config.wrap?.phases ?? {},
    },
    publish: readPublish(config, paths, place.among),
    update: readUpdate(config, place.project),
    buildHooks: readBuildHooks(config),
    checks: config.checks ?? [],
  };
}

function templates(name: string): readonly string[] {
  return [`rel/${name}`, `rel/${name}.eta`];
}

/** Throws ReleaseError CONFIG_PATH. */
export function readRuntime(
  { runtime = {} }: ReleaseConfig,
  project: string,
  where: string,
): RuntimeSettings {
  const paths = configPaths(project, where);
  const { version, include = true, perTarget = false, strip = true } = runtime;
  if (typeof include === 'string')
    return { version: paths.required('runtime.include', include), include: true, perTarget, strip };
  const isPath = version !== undefined && /^\.{1,2}[/\\]/.test(version);
  return {
    version: isPath ? paths.required('runtime.version', version) : version,
    include,
    perTarget,
    strip,
  };
}

function readBuildHooks({ buildHooks = {} }: ReleaseConfig): ReleaseSettings['buildHooks'] {
  const lists = Object.entries(buildHooks as Record<BuildHook, BuildHookConfig>).map(([name, hook]) => [
    name,
    typeof hook === 'function' ? [hook] : hook,
  ]);
  return Object.fromEntries(lists);
}

/** The applications of a configuration, in its order. */
export function readApplications({ applications = {} }: ReleaseConfig): readonly ApplicationChoice[] {
  return Object.entries(modes(applications)).map(([name, mode]) => ({ name, mode }));
}

/** A list of applications is short for all of them being permanent. */
export function modes(
  applications: NonNullable<ReleaseConfig['applications']>,
): Readonly<Record<string, ApplicationMode>> {
  if (!Array.isArray(applications)) return applications as Readonly<Record<string, ApplicationMode>>;
  return Object.fromEntries(applications.map((name: string) => [name, 'permanent']));
}

export function readProviders(
  { configProviders = [] }: ReleaseConfig,
  project: string,
  where: string,
): readonly ConfigProvider[] {
  const paths = configPaths(project, where);
  return configProviders.map((given, index) => {
    const { module, options = {} } = typeof given === 'string' ? { module: given } : given;
    return { module: paths.module(`configProviders[${index}].module`, module), options };
  });
}

const ownOverlays = 'rel/overlays';

/** `rel/overlays` is always the first, where it is there. */
export function readOverlays(
  { overlays = [] }: ReleaseConfig,
  project: string,
  usesSarma: boolean,
): readonly Overlay[] {
  const isThere = configPaths(project, '').orDefault('overlays', undefined, usesSarma ? [ownOverlays] : []);
  const others = overlays.filter(
    (overlay) =>
      typeof overlay !== 'string' || path.resolve(project, overlay) !== path.join(project, ownOverlays),
  );
  return isThere === undefined ? others : [ownOverlays, ...others];
}

function readStrip({ strip = true }: ReleaseConfig): ReleaseSettings['strip'] {
  if (typeof strip === 'boolean') return strip && { keep: [], also: [] };
  return { keep: strip.keep ?? [], also: strip.also ?? [] };
}

/** Nothing for other targets goes where nothing is stripped. */
function keptForOthers(config: ReleaseConfig): readonly string[] {
  const strip = readStrip(config);
  return strip === false ? ['*'] : strip.keep;
}

/** A release of links is for this machine alone: nothing is packed, and nobody upgrades to it. */
export function readSteps({ steps = ['assemble', 'wrap'], devMode = false }: ReleaseConfig): readonly Step[] {
  return devMode ? steps.filter((step) => step === 'assemble' || typeof step === 'function') : steps;
}
