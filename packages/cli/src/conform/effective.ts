import path from 'node:path';
import { inspect } from 'node:util';
import { type EffectiveEntry, effective, findConf, needConf, parseKey } from '@sarma/conform';
import { type BuildConfiguration, type Release, readBuildConfiguration } from '@sarma/release';
import { writeWhole } from '@sarma/wrapper';
import { shownPath } from '../show/measures.ts';
import { warn } from '../show/messages.ts';
import { UsageError } from '../usage.ts';
import type { ConformFlags } from './flags.ts';
import { findConformProject, importSchemas } from './project.ts';

/** `conform effective`. Throws ConformError for what a service would not start with. */
export async function showEffective(flags: ConformFlags): Promise<void> {
  const project = await findConformProject(flags);
  const schemas = await importSchemas(project);
  const { entries, warnings } = effective({
    build: await buildConfiguration(project.release),
    schemas,
    confs: confFiles(flags, project.sources, project.release).map((file) => needConf(file, shownPath(file))),
    env: process.env,
  });
  for (const warning of warnings) warn(warning);
  const chosen = choose(entries, flags);
  const text = flags.json ? jsonOf(chosen) : tableOf(chosen);
  if (flags.out === undefined) process.stdout.write(text);
  else await writeWhole(path.resolve(flags.out), text, 0o600);
}

async function buildConfiguration(release: Release): Promise<BuildConfiguration> {
  return await readBuildConfiguration(release, ({ level, message }) => {
    if (level === 'warning') warn(message);
  });
}

function confFiles(flags: ConformFlags, sources: readonly string[], release: Release): readonly string[] {
  if (flags.conf !== undefined) return [path.resolve(flags.conf)];
  return sources.map((source) => findConf(source, release.environment)).filter((file) => file !== undefined);
}

function choose(entries: readonly EffectiveEntry[], { app, key }: ConformFlags): readonly EffectiveEntry[] {
  if (app === undefined && key === undefined) return entries;
  const wanted = key === undefined ? [app!] : parseKey(key);
  const chosen = entries.filter(({ path: of }) => wanted.every((part, index) => of[index] === part));
  if (chosen.length > 0) return chosen;
  const known = app === undefined ? entries.map((one) => one.key) : applicationsOf(entries);
  throw new UsageError(
    `There is no configuration for "${app ?? key}". There is one for ${known.join(', ')}.`,
  );
}

function applicationsOf(entries: readonly EffectiveEntry[]): readonly string[] {
  return [...new Set(entries.map(({ path: [application] }) => application!))];
}

function jsonOf(entries: readonly EffectiveEntry[]): string {
  const shown = entries.map(({ key, value, source }) => ({ key, value: plain(value), source }));
  return `${JSON.stringify(shown, null, 2)}\n`;
}

/** A regular expression is text to JSON. */
function plain(value: unknown): unknown {
  return value instanceof RegExp ? String(value) : (value ?? null);
}

function tableOf(entries: readonly EffectiveEntry[]): string {
  const rows = entries.map(({ key, value, source }) => [`${key} = ${shown(value)}`, source] as const);
  const width = Math.max(0, ...rows.map(([setting]) => setting.length).filter((length) => length <= 60));
  return rows.map(([setting, source]) => `${setting.padEnd(width)}  # ${source}\n`).join('');
}

function shown(value: unknown): string {
  if (value === undefined) return '?';
  return inspect(value, { depth: null, breakLength: Number.POSITIVE_INFINITY });
}
