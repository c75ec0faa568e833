import { homedir } from 'node:os';
import path from 'node:path';
import { BootError } from '../error.ts';
import {
  givingState,
  type ManagerCommand,
  ownMark,
  type ServiceManager,
  type ServiceUnit,
  stopSeconds,
  upgradeMark,
} from './unit.ts';

/** Units as in systemd.service(5), systemd.exec(5) and systemd.syntax(7). */
export const systemd: ServiceManager = {
  file: ({ name, scope }) => path.join(directories[scope](), `${name}.service`),
  text: unitText,
  directories: (unit) => (isGiven(unit) ? [unit.mutableDirectory] : []),
  installing: (unit) => [
    ...(isGiven(unit) ? givingState(unit) : []),
    systemctl(unit, 'daemon-reload'),
    systemctl(unit, 'enable', service(unit)),
  ],
  removing: (unit) => [systemctl(unit, 'disable', '--now', service(unit))],
  removed: (unit) => [systemctl(unit, 'daemon-reload')],
  status: (unit) => systemctl(unit, 'status', '--no-pager', '--lines=0', service(unit)),
  starting: (unit) => systemctl(unit, 'start', service(unit)),
};

/** Whether its user needs to be given a state directory that systemd does not make. */
function isGiven({ managedState, runAs }: ServiceUnit): boolean {
  return !managedState && runAs !== undefined;
}

const directories = {
  system: () => '/etc/systemd/system',
  user: () => path.join(configHome(), 'systemd', 'user'),
};

function configHome(): string {
  const given = process.env.XDG_CONFIG_HOME;
  return given !== undefined && path.isAbsolute(given) ? given : path.join(homedir(), '.config');
}

/** Variables that the user of a service sets for it, one `NAME=value` per line. */
function environmentFile({ name, scope }: ServiceUnit): string {
  return path.join(scope === 'system' ? '/etc' : configHome(), `${name}.env`);
}

function unitText(unit: ServiceUnit): string {
  const isSystem = unit.scope === 'system';
  const lines = [
    `# ${ownMark(unit.release)}`,
    '[Unit]',
    `Description=${unit.name}`,
    // There is no network to wait for in a session: a session begins after it.
    ...(isSystem ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '',
    '[Service]',
    `# ${upgradeMark(unit.release)}`,
    // Ready once it is executed. `notify` would need a datagram socket, which Node has not.
    'Type=exec',
    `ExecStart=${executable(unit.program)} start`,
    // Reads the configuration again.
    'ExecReload=/bin/kill -HUP $MAINPID',
    ...Object.entries(unit.environment).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    `EnvironmentFile=-${literal(environmentFile(unit))}`,
    ...(unit.runAs === undefined ? [] : [`User=${literal(unit.runAs)}`]),
    ...(unit.managedState ? [`StateDirectory=${unit.release}`, 'StateDirectoryMode=0700'] : []),
    `WorkingDirectory=-${unit.managedState ? `%S/${unit.release}` : literal(unit.mutableDirectory)}`,
    'Restart=on-failure',
    'RestartSec=1',
    // SIGTERM goes to the node alone, which stops its children; whatever is left at the end is killed.
    'KillMode=mixed',
    `TimeoutStopSec=${stopSeconds(unit)}`,
    '',
    '[Install]',
    `WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** `%` begins a specifier everywhere. */
function literal(text: string): string {
  return text.replaceAll('%', '%%');
}

/** An executable's path, of which systemd takes less than of other words (`string_is_safe` in its sources). */
function executable(file: string): string {
  const odd = [...file].find((character) => /["'\\\p{Cc}]/u.test(character));
  if (odd === undefined) return quoted(file);
  throw new BootError(
    'ODD_PATH',
    `systemd takes no path with ${JSON.stringify(odd)} in it: ${file}. Move the program to another directory.`,
  );
}

function quoted(text: string): string {
  return `"${literal(text).replaceAll(/["\\]/g, '\\$&')}"`;
}

function service({ name }: ServiceUnit): string {
  return `${name}.service`;
}

function systemctl({ scope }: ServiceUnit, ...words: readonly string[]): ManagerCommand {
  return ['systemctl', ...(scope === 'user' ? ['--user'] : []), ...words];
}
