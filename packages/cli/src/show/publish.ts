import type { KeyPair } from '@sarma/publish';
import type { OnPublishEvent, PublishEvent } from '../events.ts';
import { writeJson } from './json.ts';
import { count, shownPath, size } from './measures.ts';
import { warn } from './messages.ts';

interface Shown {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** Shows what `sarma publish` does. */
export interface PublishReporter {
  readonly report: OnPublishEvent;
  /** Takes away what is still moving on the screen. */
  readonly close: () => void;
}

/** JSON lines, or plain ones, on a terminal with one that moves: what happens on stdout, warnings on stderr. */
export function publishReporter({ json = false, quiet = false }: Shown): PublishReporter {
  if (json) return { report: writeJson, close: () => {} };
  const isTerminal = process.stdout.isTTY && process.env.TERM !== 'dumb' && !process.env.CI && !quiet;
  const sent = new Map<string, number>();
  let sizes: ReadonlyMap<string, number> = new Map();
  let total = 0;
  let isMoving = false;
  const close = () => {
    if (isMoving) process.stdout.write('\r\u001b[K');
    isMoving = false;
  };
  const report: OnPublishEvent = (event) => {
    close();
    if (event.type === 'staged') {
      total = event.bytes;
      sizes = new Map(event.files.map((file) => [file.name, file.size]));
    }
    if (event.type === 'kept') sent.set(event.file, sizes.get(event.file) ?? 0);
    if (event.type === 'upload') sent.set(event.file, event.sent);
    if (event.type === 'notice' && event.level === 'warning') warn(event.message);
    else if (!quiet) for (const line of linesOf(event)) process.stdout.write(`${line}\n`);
    if (event.type !== 'upload' || !isTerminal) return;
    const done = [...sent.values()].reduce((sum, bytes) => sum + bytes, 0);
    process.stdout.write(`${row(size(done), `of ${size(total)} uploaded`)}`);
    isMoving = true;
  };
  return { report, close };
}

function linesOf(event: PublishEvent): readonly string[] {
  switch (event.type) {
    case 'release':
      return event.notes;
    case 'notice':
      return [event.message];
    case 'checked':
      return [row('ok', `${event.file} is whole and for ${event.target}`)];
    case 'written':
      return [row(size(event.size), event.name)];
    case 'signed':
      return [`Signed with the key ${event.key}`];
    case 'packagers':
      return event.files.length === 0 ? [] : [`For package managers: ${shownPath(event.folder)}`];
    case 'staged':
      return [stagedLine(event)];
    case 'published':
      return [publishedLine(event)];
    case 'upload':
      return [];
    case 'uploaded':
      return [row('sent', event.file)];
    case 'kept':
      return [row('there', event.file)];
    case 'github':
      return [`${STATES[event.state]} ${event.url}`];
  }
}

const STATES = {
  draft: 'Draft, to be published by a person:',
  published: 'Published',
  unchanged: 'Published before, with the same files:',
} as const;

/** Sizes stand under each other. */
function row(first: string, rest: string): string {
  return `${first.padStart(8)}  ${rest}`;
}

function stagedLine({ folder, files, bytes, dryRun }: Extract<PublishEvent, { type: 'staged' }>): string {
  const what = `${shownPath(folder)}: ${count(files.length, 'file')}, ${size(bytes)}`;
  return dryRun ? `Nothing was kept. It would be ${what}` : `Staged ${what}`;
}

function publishedLine({ version, file, staysAt }: Extract<PublishEvent, { type: 'published' }>): string {
  if (staysAt === undefined) return `${shownPath(file)} leads to ${version}`;
  return `${shownPath(file)} still leads to ${staysAt}, which is newer than ${version}`;
}

/** What `sarma keygen` has made, and what to do with it. */
export function showKeyPair({ secretKey, publicKey, ignored }: KeyPair, isEncrypted: boolean): void {
  const lines = [
    `wrote ${shownPath(secretKey)}, the secret key${isEncrypted ? '' : ', which is not encrypted: whoever reads it can sign'}`,
    `wrote ${shownPath(publicKey)}, the public key`,
    ...(ignored === undefined ? [] : [`added ${shownPath(secretKey)} to ${shownPath(ignored)}`]),
    `Sign with it:     ${isEncrypted ? 'SARMA_SIGNING_KEY_PASSWORD=… ' : ''}SARMA_SIGNING_KEY=${shownPath(secretKey)} sarma publish`,
    `Have it trusted:  update: { publicKey: '${shownPath(publicKey)}' } in sarma.config.ts`,
    'Keep a copy: executables that trust it take updates from nobody else.',
  ];
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
