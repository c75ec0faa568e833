import { homedir } from 'node:os';
import path from 'node:path';
import {
  givingState,
  ownMark,
  type ServiceManager,
  type ServiceUnit,
  stopSeconds,
  upgradeMark,
} from './unit.ts';

/** Property lists as in launchd.plist(5). */
export const launchd: ServiceManager = {
  file: ({ name, scope }) =>
    scope === 'system'
      ? `/Library/LaunchDaemons/${name}.plist`
      : path.join(homedir(), 'Library/LaunchAgents', `${name}.plist`),
  text: plist,
  directories: (unit) => [path.dirname(logOf(unit))],
  installing: (unit) => [...givingState(unit), ['launchctl', 'enable', target(unit)]],
  removing: (unit) => [['launchctl', 'bootout', target(unit)]],
  removed: () => [],
  status: (unit) => ['launchctl', 'print', target(unit)],
  starting: (unit) => ['launchctl', 'bootstrap', domain(unit), launchd.file(unit)],
};

function domain({ scope }: ServiceUnit): string {
  return scope === 'system' ? 'system' : `gui/${process.getuid?.()}`;
}

function target(unit: ServiceUnit): string {
  return `${domain(unit)}/${unit.name}`;
}

/** What the node prints. launchd makes the file, and does not rotate it. */
function logOf({ mutableDirectory, name }: ServiceUnit): string {
  return path.join(mutableDirectory, 'log', `${name}.log`);
}

function plist(unit: ServiceUnit): string {
  const log = logOf(unit);
  const entries: Readonly<Record<string, Value | undefined>> = {
    Label: unit.name,
    ProgramArguments: [unit.program, 'start'],
    EnvironmentVariables: unit.environment,
    UserName: unit.runAs,
    WorkingDirectory: unit.mutableDirectory,
    StandardOutPath: log,
    StandardErrorPath: log,
    RunAtLoad: true,
    // Started again after a crash, not after an orderly stop.
    KeepAlive: { SuccessfulExit: false },
    ExitTimeOut: stopSeconds(unit),
  };
  const body = Object.entries(entries).flatMap(([key, value]) =>
    value === undefined ? [] : [`  ${element('key', key)}`, `  ${xml(value)}`],
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<!-- ${ownMark(unit.release)} -->`,
    `<!-- ${upgradeMark(unit.release)} -->`,
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    ...body,
    '</dict>',
    '</plist>',
    '',
  ].join('\n');
}

type Value = string | number | boolean | readonly string[] | Readonly<Record<string, string | boolean>>;

function xml(value: Value): string {
  if (typeof value === 'string') return element('string', value);
  if (typeof value === 'number') return element('integer', String(value));
  if (typeof value === 'boolean') return `<${value}/>`;
  if (isList(value)) return `<array>${value.map(xml).join('')}</array>`;
  const pairs = Object.entries(value).map(([key, inner]) => element('key', key) + xml(inner));
  return `<dict>${pairs.join('')}</dict>`;
}

function isList(value: Value): value is readonly string[] {
  return Array.isArray(value);
}

function element(name: string, text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<${name}>${escaped}</${name}>`;
}
