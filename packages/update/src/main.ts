import { realpathSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { capabilitiesOf } from './capabilities.ts';
import type { Progress } from './download.ts';
import { UpdateError } from './error.ts';
import type { Feed } from './feed.ts';
import { managerOf } from './owner.ts';
import { previousPath } from './replace.ts';
import { type FeedPlace, readSettings } from './settings.ts';
import { quoted } from './shell.ts';
import { look, megabytes, rollBack, take, type Updatable } from './update.ts';

// What the stub executes for `maintenance update` and `maintenance rollback`: this file, the entry of the program, the
// subcommand, how many of the words that were typed lead up to it, and all that was typed.

const COMMON = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
const OPTIONS = {
  check: { type: 'boolean' },
  version: { type: 'string' },
  channel: { type: 'string' },
  ...COMMON,
} as const;

const USAGE = `usage: maintenance update [--check] [--version V] [--channel C] [--json]
  --check      only say whether there is a newer version: exit code 10 if there is, 0 if not
  --version V  take this version, also an older one
  --channel C  take the newest of this channel or of "latest"
  --json       print the answer as JSON
usage: maintenance rollback [--json]
  take the version before the last update again; once more, and the update is back`;

/** There is a newer version. */
const NEWER = 10;
const WRONG_USAGE = 2;

const isJson = process.argv.includes('--json', 5);

// Whoever listened may be gone, which is no reason to stop half-way.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    clearProgress();
    const { code, message } = asUpdateError(error);
    answer({ error: { code, message } });
    process.stderr.write(`${message}\n`);
    process.exitCode = code === 'USAGE' ? WRONG_USAGE : 1;
  },
);

/** What is no failure that a user can meet is thrown again. */
function asUpdateError(error: unknown): UpdateError {
  if (error instanceof UpdateError) return error;
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined) throw error;
  return new UpdateError('SYSTEM', `The system refuses it: ${message}.`, { cause: error });
}

async function main([entry = '', subcommand = '', words, ...typed]: readonly string[]): Promise<number> {
  const lead = Number(words);
  const options = optionsOf(subcommand, typed.slice(lead));
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const updatable = updatableOf(entry, subcommand, lead > 0, typed);
  return subcommand === 'rollback' ? await rollback(updatable) : await update(updatable, options);
}

interface Options {
  readonly check?: boolean;
  readonly version?: string;
  readonly channel?: string;
  readonly json?: boolean;
  readonly help?: boolean;
}

function optionsOf(subcommand: string, args: readonly string[]): Options {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: subcommand === 'rollback' ? COMMON : OPTIONS,
      allowPositionals: true,
    });
    if (positionals[0] !== undefined)
      throw new Error(
        `${JSON.stringify(positionals[0])} is no option; \`update --version V\` takes a certain version.`,
      );
    const options: Options = values;
    if (options.version !== undefined && options.channel !== undefined)
      throw new Error('--version names one version, whatever its channel: leave --channel away.');
    return options;
  } catch (cause) {
    throw new UpdateError('USAGE', `${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

function updatableOf(
  entry: string,
  subcommand: string,
  isWord: boolean,
  typed: readonly string[],
): Updatable {
  const settings = readSettings(path.dirname(process.argv[1]!));
  const program = Object.entries(settings.programs).find(([, one]) => one === entry)?.[0] ?? settings.name;
  const file = fileOf(process.env.SARMA_BIN);
  // Shells of Windows set a variable for good, not for one command.
  const isSet = isWord || process.platform === 'win32';
  const words = [...(isSet ? [] : ['env', `SARMA_MAINTENANCE=${subcommand}`]), file, ...typed];
  return { settings, program, file, command: words.map((word) => quoted(word)).join(' ') };
}

function fileOf(given = ''): string {
  try {
    return realpathSync(given);
  } catch (cause) {
    const message = `The executable (SARMA_BIN: ${JSON.stringify(given)}) cannot be found: it was moved or removed.`;
    throw new UpdateError('NOT_AN_EXECUTABLE', message, { cause });
  }
}

async function update(updatable: Updatable, options: Options): Promise<number> {
  const { settings, file } = updatable;
  const { name, version: current } = settings;
  const endWaiting = showWaiting(settings.feed);
  const { published, isWanted } = await look(updatable, options).finally(endWaiting);
  const { version, notes = '' } = published.feed;
  const { emptyChannel } = published;
  if (emptyChannel !== undefined)
    say(
      `Nothing of ${name} is published for the channel ${emptyChannel}; the newest of latest is ${version}.`,
    );
  const isNewest =
    options.version === undefined ? newest(name, current) : `This is ${name} ${current} already.`;
  const found = { current, version, isNewer: isWanted, notes, url: published.url };
  if (options.check) {
    // Package managers are asked for the text alone.
    answer(found, isWanted && !isJson ? await newerText(updatable, published.feed) : isNewest);
    return isWanted ? NEWER : 0;
  }
  if (!isWanted) {
    answer({ ...found, updated: false });
    say(isNewest);
    return 0;
  }
  if ((await capabilitiesOf(file)) === undefined) {
    say(
      `Without getcap nobody can tell whether ${file} has file capabilities: if it has, give them to the new version again.`,
    );
  }
  const downloaded = await take(updatable, published, showProgress(`${name} ${version}`));
  answer({ ...found, updated: true, downloaded });
  say(
    `${file} is ${name} ${version} now (${megabytes(downloaded)} fetched); ${previousPath(file)} is ${current}.`,
  );
  sayRunning(updatable, version);
  return 0;
}

const newest = (name: string, current: string) => `${name} ${current} is the newest.`;

/** What there is, what takes it, and what is new in it. */
async function newerText(
  { command, file, settings: { name, version: current } }: Updatable,
  { version, notes = '' }: Feed,
): Promise<string> {
  const how = (await managerOf(file)) ?? `\`${command.replace(/ --check(?= |$)/, '')}\` takes it.`;
  const there = `${name} ${version} is there; this is ${current}. ${how}`;
  return notes === '' ? there : `${there}\n\n${notes}`;
}

async function rollback(updatable: Updatable): Promise<number> {
  const { settings, file, command } = updatable;
  const { name, version: current } = settings;
  const version = await rollBack(updatable);
  answer({ current, version });
  say(`${file} is ${name} ${version} again; \`${command}\` once more takes ${current}.`);
  sayRunning(updatable, version);
  return 0;
}

/** The executable is another version now; a node that was started from it is not. */
function sayRunning({ settings, file }: Updatable, version: string): void {
  if (settings.kind !== 'service') return;
  const program = quoted(file);
  say(
    `A node that runs is still ${settings.version}: \`${program} upgrade\` has ${version} take over from it, \`${program} restart\` starts it anew.`,
  );
}

/** For machines where they asked for it, and then nothing else is on stdout. */
function answer(value: object, text?: string): void {
  if (isJson) process.stdout.write(`${JSON.stringify(value)}\n`);
  else if (text !== undefined) process.stdout.write(`${text}\n`);
}

function say(text: string): void {
  clearProgress();
  if (!isJson) process.stderr.write(`${text}\n`);
}

let isProgressShown = false;

/** What is said next stands in the place of the line that is shown. */
function clearProgress(): void {
  if (isProgressShown) process.stderr.write('\r\x1b[K');
  isProgressShown = false;
}

/** A server that says nothing is asked for minutes: a terminal shows which one. */
function showWaiting(feed: FeedPlace): () => void {
  if (!process.stderr.isTTY) return () => {};
  const { host } = new URL('github' in feed ? feed.github.url : feed.folder.url);
  const timer = setTimeout(() => {
    isProgressShown = true;
    process.stderr.write(`Waiting for ${host} …`);
  }, 2000);
  return () => {
    clearTimeout(timer);
    clearProgress();
  };
}

/** One line on a terminal, which goes when it is done. */
function showProgress(what: string): (progress: Progress) => void {
  if (!process.stderr.isTTY) return () => {};
  let shown = 0;
  return ({ done, of, kept }) => {
    if (Date.now() - shown < 100 && done < of) return;
    shown = Date.now();
    const rest = kept === 0 ? '' : `, ${megabytes(kept)} are here`;
    isProgressShown = true;
    process.stderr.write(`\r\x1b[K${what}: ${megabytes(done)} of ${megabytes(of)}${rest}`);
  };
}
