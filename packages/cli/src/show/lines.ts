import type { BuildEvent } from '../events.ts';
import { appupLines } from './appup.ts';
import { artifactLines } from './artifacts.ts';
import { count, shownPath, size } from './measures.ts';
import { warn } from './messages.ts';
import type { Reporter } from './reporter.ts';

/** Plain lines, for pipes and logs: what happens on stdout, warnings on stderr. */
export function lineReporter(): Reporter {
  return {
    onEvent: (event) => {
      showWarning(event);
      for (const line of linesOf(event)) process.stdout.write(`${line}\n`);
    },
    close: async () => {},
  };
}

/** Only warnings; failures are told by the command. */
export function quietReporter(): Reporter {
  return { onEvent: showWarning, close: async () => {} };
}

export function showWarning(event: BuildEvent): void {
  if (event.type !== 'notice' || event.level !== 'warning') return;
  warn(event.target === undefined ? event.message : `${event.target}: ${event.message}`);
}

/** What an event looks like when nothing on the screen moves. Bytes that are counted are left out. */
export function linesOf(event: BuildEvent): readonly string[] {
  switch (event.type) {
    case 'release':
      return event.notes;
    case 'notice':
      if (event.level === 'warning') return [];
      return [event.target === undefined ? event.message : `${event.target}: ${event.message}`];
    case 'assembled':
      return [assembledLine(event)];
    case 'tar':
      return [`${event.target}: ${shownPath(event.file)}, ${size(event.bytes)}`];
    case 'appup':
      return appupLines(event);
    case 'relup':
      return [`Upgrades from ${event.from.join(', ')}: ${shownPath(event.file)}`];
    case 'phase':
      return [`${event.target}: ${event.phase}`];
    case 'fetched':
      return [`${event.target}: node ${event.version} from ${event.source}`];
    case 'failure':
      return [`${event.target}: failed`];
    case 'finished':
      return ['', ...artifactLines(event.artifacts, Number.POSITIVE_INFINITY)];
    default:
      return [];
  }
}

function assembledLine(event: Extract<BuildEvent, { type: 'assembled' }>): string {
  return `Assembled ${shownPath(event.directory)}: ${count(event.files, 'file')}, ${size(event.bytes)}`;
}
