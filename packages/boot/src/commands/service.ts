import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { CommandContext } from '../context.ts';
import { BootError } from '../error.ts';
import { programFile } from '../relaunch.ts';
import { launchd } from '../service/launchd.ts';
import { systemd } from '../service/systemd.ts';
import { type ManagerCommand, ownMark, type ServiceManager, type ServiceUnit } from '../service/unit.ts';
import { runLauncher } from '../service/windows.ts';

const actions = ['install', 'uninstall', 'status'] as const;

/** `service install|uninstall|status`: makes the release known to the system's service manager. */
export async function run(context: CommandContext): Promise<number> {
  const { positionals, values } = parseArgs({
    args: [...context.args],
    allowPositionals: true,
    options: {
      user: { type: 'boolean' },
      system: { type: 'boolean' },
      name: { type: 'string' },
      'run-as': { type: 'string' },
      account: { type: 'string' },
      'dry-run': { type: 'boolean' },
    },
  });
  const action = actions.find((known) => known === positionals[0]);
  if (action === undefined || positionals.length > 1) {
    throw new BootError('USAGE', `service expects one of ${actions.join(', ')}.`);
  }
  if (values.user && values.system) throw new BootError('USAGE', '--user and --system exclude each other.');
  const name = serviceName(values.name ?? context.environment.node);
  if (process.platform === 'win32') {
    refuseElsewhere(values, ['user', 'run-as', 'dry-run'], 'on Windows, where --account names the account');
    return runLauncher(action, name, values.account, context.environment);
  }
  refuseElsewhere(values, ['account'], 'outside Windows, where --run-as names the user');
  const unit = describeUnit(context, name, scopeOf(values), values['run-as']);
  const manager = managerOf(process.platform);
  if (action === 'status') return status(manager, unit, context);
  if (action === 'uninstall') return uninstall(manager, unit, context);
  if (unit.runAs !== undefined && !isUser(unit.runAs)) {
    const problem = `This system has no user ${JSON.stringify(unit.runAs)}.`;
    // The unit may be meant for another machine, or the user come later.
    if (!values['dry-run']) throw new BootError('UNKNOWN_USER', `${problem} Nothing was written.`);
    context.stderr.write(`${context.boot.name}: ${problem}\n`);
  }
  return install(manager, unit, context, values['dry-run'] ?? false);
}

/** The system is asked: not all users stand in /etc/passwd. */
function isUser(name: string): boolean {
  const { status: exitCode, error } = spawnSync('id', ['-u', '--', name], { stdio: 'ignore' });
  return error !== undefined || exitCode === 0;
}

/** What one system has and another has not. */
function refuseElsewhere(values: object, options: readonly string[], where: string): void {
  const given = options.find((option) => Object.hasOwn(values, option));
  if (given !== undefined) throw new BootError('USAGE', `There is no --${given} ${where}.`);
}

function managerOf(platform: NodeJS.Platform): ServiceManager {
  if (platform === 'linux') return systemd;
  if (platform === 'darwin') return launchd;
  throw new BootError(
    'NO_SERVICE_MANAGER',
    `There is no service manager that is known here on ${platform}. Let yours run the command start; it ends with SIGTERM.`,
  );
}

/** It becomes part of a file's name and of a command line. */
function serviceName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.@-]*$/.test(name)) return name;
  throw new BootError(
    'USAGE',
    `${JSON.stringify(name)} cannot name a service: letters, digits, and _ . @ - after the first.`,
  );
}

/** Root installs for the system, everybody else for themselves. */
function scopeOf(values: { readonly user?: boolean; readonly system?: boolean }): 'user' | 'system' {
  if (values.user) return 'user';
  if (values.system) return 'system';
  return process.geteuid?.() === 0 ? 'system' : 'user';
}

function describeUnit(
  { boot, environment }: CommandContext,
  name: string,
  scope: ServiceUnit['scope'],
  runAs: string | undefined,
): ServiceUnit {
  const program = programFile(environment);
  if (program === undefined) {
    throw new BootError('NOT_ASSEMBLED', 'Only an assembled release or an executable can be a service.');
  }
  if (runAs !== undefined && scope === 'user') throw new BootError('USAGE', '--run-as needs --system.');
  const stateIsChosen = Boolean(process.env.RELEASE_MUTABLE_DIR);
  const isManaged = scope === 'system' && environment.executable !== undefined && !stateIsChosen;
  const systemState = process.platform === 'darwin' ? '/Library/Application Support' : '/var/lib';
  const mutableDirectory = isManaged ? path.join(systemState, boot.name) : environment.mutableDirectory;
  return {
    name,
    release: boot.name,
    scope,
    program,
    environment: {
      ...(environment.node === boot.name ? {} : { RELEASE_NODE: environment.node }),
      ...(stateIsChosen || (isManaged && process.platform === 'darwin')
        ? { RELEASE_MUTABLE_DIR: mutableDirectory }
        : {}),
    },
    managedState: isManaged,
    mutableDirectory,
    shutdownTimeout: boot.shutdownTimeout,
    runAs,
  };
}

function install(
  manager: ServiceManager,
  unit: ServiceUnit,
  { stdout, stderr }: CommandContext,
  isDryRun: boolean,
): number {
  const file = manager.file(unit);
  const text = manager.text(unit);
  if (isDryRun) {
    stdout.write(text);
    stderr.write(`Would be written to ${file}.\n`);
    return 0;
  }
  const before = existing(file);
  if (before !== undefined) refuseForeign(file, before, unit);
  write(file, text);
  for (const directory of manager.directories(unit)) mkdirSync(directory, { recursive: true, mode: 0o700 });
  stdout.write(`${before === undefined ? 'Wrote' : 'Replaced'} ${file}.\n`);
  const left = manager.installing(unit).filter((command) => !succeeds(command, stderr));
  stdout.write(left.length === 0 ? startsWith(unit) : 'It is not known to the system yet. To start it:\n');
  for (const command of [...left, manager.starting(unit)]) stdout.write(`  ${command.join(' ')}\n`);
  if (unit.managedState) {
    const call = `RELEASE_MUTABLE_DIR=${unit.mutableDirectory.replaceAll(' ', '\\ ')} ${unit.program}`;
    stdout.write(`Its state will lie in ${unit.mutableDirectory}. To talk to it: ${call} remote\n`);
  }
  return 0;
}

function startsWith({ scope }: ServiceUnit): string {
  return `It starts with ${scope === 'system' ? 'the system' : 'your next session'}. To start it now:\n`;
}

function uninstall(manager: ServiceManager, unit: ServiceUnit, { stdout, stderr }: CommandContext): number {
  const file = manager.file(unit);
  const text = existing(file);
  if (text === undefined) throw notInstalled(file, unit);
  refuseForeign(file, text, unit);
  for (const command of manager.removing(unit)) succeeds(command, stderr);
  remove(file);
  for (const command of manager.removed(unit)) succeeds(command, stderr);
  stdout.write(`Removed ${file}.\n`);
  return 0;
}

function status(manager: ServiceManager, unit: ServiceUnit, { stdout }: CommandContext): number {
  const file = manager.file(unit);
  const text = existing(file);
  if (text === undefined) throw notInstalled(file, unit);
  stdout.write(`${file}${text.includes(ownMark(unit.release)) ? '' : ' (not made by this release)'}\n`);
  const [program, ...args] = manager.status(unit);
  const { status: exitCode, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error !== undefined) throw noManager(program, error);
  return exitCode ?? 1;
}

function notInstalled(file: string, { name, scope }: ServiceUnit): BootError {
  const other = scope === 'user' ? '--system' : '--user';
  return new BootError(
    'NOT_INSTALLED',
    `${name} is not installed as a service of the ${scope}: there is no ${file}. Try ${other}, or another --name.`,
  );
}

function refuseForeign(file: string, text: string, { release }: ServiceUnit): void {
  if (text.includes(ownMark(release))) return;
  throw new BootError(
    'FOREIGN_UNIT',
    `${file} was not made by ${release} service install, and is left alone. Remove it, or choose another --name.`,
  );
}

function existing(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw denied(file, error as NodeJS.ErrnoException);
  }
}

function write(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(temporary, text, { flag: 'wx' });
    chmodSync(temporary, 0o644);
    renameSync(temporary, file);
  } catch (error) {
    throw denied(file, error as NodeJS.ErrnoException);
  }
}

function remove(file: string): void {
  try {
    rmSync(file);
  } catch (error) {
    throw denied(file, error as NodeJS.ErrnoException);
  }
}

function denied(file: string, cause: NodeJS.ErrnoException): BootError {
  const advice = cause.code === 'EACCES' || cause.code === 'EPERM' ? ' Run it as root, or with --user.' : '';
  return new BootError('UNIT_FILE', `${file}: ${cause.message}.${advice}`, { cause });
}

/** Runs a command of the manager; what it has to say is shown when it fails. */
function succeeds([program, ...args]: ManagerCommand, stderr: NodeJS.WritableStream): boolean {
  const { status: exitCode, error, stderr: said } = spawnSync(program, args, { encoding: 'utf8' });
  if (exitCode === 0) return true;
  stderr.write(`${[program, ...args].join(' ')}: ${error?.message ?? said.trim()}\n`);
  return false;
}

function noManager(program: string, cause: Error): BootError {
  return new BootError('NO_SERVICE_MANAGER', `${program} cannot be run: ${cause.message}.`, { cause });
}
