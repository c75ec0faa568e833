import { parseArgs } from 'node:util';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { logFile } from '../log/settings.ts';
import { type NodeInfo, nodeInfo } from '../node-info.ts';
import { costText } from '../reload/cost-text.ts';
import { isPermanentIn } from '../versions/permanent.ts';
import { versionPlaces } from '../versions/places.ts';
import { isHere } from '../versions/running.ts';

/** Everything that can be said of a release and its node without booting it. */
interface Description {
  readonly name: string;
  readonly version: string;
  readonly environment: string;
  readonly node: string;
  /** Null when it does not run. */
  readonly running: Running | null;
  /** Why it is not known whether it runs: another cookie, a node that is blocked. */
  readonly unreachable: string | null;
  readonly runtime: { readonly version: string; readonly file: string; readonly target: string };
  readonly paths: {
    readonly root: string;
    /** The wrapped executable; null in a directory. */
    readonly executable: string | null;
    readonly state: string;
    readonly config: string;
    readonly log: string;
    readonly tmp: string;
  };
  readonly applications: readonly {
    readonly name: string;
    readonly version: string;
    readonly mode: string;
    /** Null when the node does not run, or has not loaded it. */
    readonly state: string | null;
  }[];
  readonly configuration: { readonly providers: readonly string[]; readonly runtime: string | null };
  readonly hooks: BootFile['hooks'];
  readonly commands: readonly { readonly name: string; readonly description: string }[];
}

type Running = Pick<NodeInfo, 'pid' | 'version' | 'started' | 'memory' | 'upgrade' | 'reloadLimit'> &
  Required<Pick<NodeInfo, 'versions' | 'reloads'>> & {
    /** Whether a start after a crash starts another version. */
    readonly isProvisional: boolean;
  };

/** Its exit code is 0 whether the node runs or not: `ping` is for that. */
export async function run(context: CommandContext): Promise<number> {
  const { values } = parseArgs({ args: [...context.args], options: { json: { type: 'boolean' } } });
  const description = await describe(context, await ask(context));
  context.stdout.write(values.json ? `${JSON.stringify(description, null, 2)}\n` : text(description));
  return 0;
}

async function ask({ boot, environment }: CommandContext): Promise<NodeInfo | BootError | undefined> {
  return await nodeInfo(boot, environment).catch((error: unknown) => {
    if (error instanceof BootError) return error;
    throw error;
  });
}

async function describe(
  { boot, environment }: CommandContext,
  answer: NodeInfo | BootError | undefined,
): Promise<Description> {
  const info = answer instanceof BootError ? undefined : answer;
  return {
    name: boot.name,
    version: boot.version,
    environment: boot.environment,
    node: environment.node,
    running:
      info === undefined
        ? null
        : {
            pid: info.pid,
            version: info.version,
            isProvisional: await isProvisional(environment, info),
            started: info.started,
            memory: info.memory,
            upgrade: info.upgrade ?? null,
            versions: info.versions ?? [info.version],
            reloads: info.reloads ?? [],
            ...(info.reloadLimit !== undefined && { reloadLimit: info.reloadLimit }),
          },
    unreachable: answer instanceof BootError ? answer.message : null,
    runtime: {
      version: process.versions.node,
      file: process.execPath,
      target: `${process.platform}-${process.arch}`,
    },
    paths: {
      root: environment.root,
      executable: environment.executable ?? null,
      state: environment.mutableDirectory,
      config: environment.configDirectory,
      log: logFile(environment),
      tmp: environment.tmp,
    },
    applications: applicationsOf(boot, info),
    configuration: {
      providers: boot.configuration.providers.map(({ name }) => name),
      runtime: boot.configuration.runtime,
    },
    hooks: boot.hooks,
    commands: boot.commands.map(({ name, description }) => ({ name, description })),
  };
}

/** Of the version that runs, where another one was called. */
function applicationsOf(boot: BootFile, info: NodeInfo | undefined): Description['applications'] {
  if (info !== undefined && info.version !== boot.version) return info.applications;
  return boot.applications.map(({ name, version, mode }) => ({
    name,
    version,
    mode,
    state: info?.applications.find((running) => running.name === name)?.state ?? null,
  }));
}

async function isProvisional(environment: ReleaseEnvironment, info: NodeInfo): Promise<boolean> {
  if (environment.isSource || !isHere(environment)) return false;
  return !(await isPermanentIn(versionPlaces(environment, info), info.version));
}

function text(it: Description): string {
  const { runtime, paths, configuration } = it;
  return [
    `${it.name} ${it.version} (${it.environment})`,
    '',
    ...table([
      ['Node', it.node],
      ['Running', runningText(it)],
      ...upgradeRows(it),
      ...reloadRows(it.running),
      ['Runtime', `Node ${runtime.version}, ${runtime.target}, ${runtime.file}`],
      ['Root', paths.root],
      ...(paths.executable === null ? [] : [['Executable', paths.executable] as const]),
      ['State', paths.state],
      ['Configuration', paths.config],
      ['Log', paths.log],
    ]),
    ...section(
      'Applications',
      it.applications.map(({ name, version, mode, state }) => [`${name} ${version}`, mode, state ?? '']),
    ),
    ...section('Configuration comes from', [
      ['sys.config.json'],
      ...configuration.providers.map((name) => [name]),
      ...(configuration.runtime === null ? [] : [[configuration.runtime]]),
    ]),
    ...section(
      'Hooks',
      Object.entries(it.hooks).flatMap(([name, scripts]) => scripts.map((script) => [name, script])),
    ),
    ...section(
      'Commands',
      it.commands.map(({ name, description }) => [name, description]),
    ),
    '',
  ].join('\n');
}

function runningText({ running, unreachable, version }: Description): string {
  if (unreachable !== null) return `unknown: ${unreachable}`;
  if (running === null) return 'no';
  const other = running.version === version ? '' : `, version ${running.version}`;
  const provisional = running.isProvisional ? ', provisional' : '';
  return `PID ${running.pid}${other}${provisional}, since ${running.started}, ${(running.memory / 1e6).toFixed(0)} MB`;
}

function upgradeRows({ running }: Description): readonly (readonly [string, string])[] {
  const { upgrade } = running ?? {};
  if (!upgrade) return [];
  const { to, from, pid } = upgrade;
  const text =
    to !== undefined
      ? `to ${to}, which starts (PID ${pid})`
      : `from ${from}, which ends what it has begun (PID ${pid})`;
  return [['Upgrade', text]];
}

/** One for each: the code of none of them is freed before the process ends. */
function reloadRows(running: Running | null): readonly (readonly [string, string])[] {
  const { reloads = [], reloadLimit } = running ?? {};
  return reloads.map(({ at, from, to, cost }, index) => [
    index === 0 ? 'Reloaded' : '',
    `${at} ${from} → ${to}: ${costText(cost)} (${index + 1}, at most ${reloadLimit} versions)`,
  ]);
}

function section(title: string, rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : ['', `${title}:`, ...table(rows)];
}

/** Columns as wide as what is in them. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
}
