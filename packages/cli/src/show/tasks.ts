import { styleText } from 'node:util';
import { Listr, type ListrTaskWrapper } from 'listr2';
import type { BuildEvent } from '../events.ts';
import { artifactLines } from './artifacts.ts';
import { linesOf, showWarning } from './lines.ts';
import { size } from './measures.ts';
import type { Reporter } from './reporter.ts';

/** A terminal: one line per target that says its phase and, where bytes are counted, how far it is. */
export function taskReporter(): Reporter {
  let programs = 1;
  let list: TaskList | undefined;
  /** What was said while the list was moving. */
  let waiting: BuildEvent[] = [];
  const close = async () => {
    await list?.end();
    list = undefined;
    for (const event of waiting) showStill(event);
    waiting = [];
  };
  let closing = Promise.resolve();
  const onEvent = (event: BuildEvent) => {
    if (event.type === 'release') programs = event.programs.length;
    if (event.type === 'targets') list = openTaskList(event.targets, programs);
    else if (event.type === 'finished') closing = close().then(() => showStill(event));
    else if (list === undefined) showStill(event);
    else if (event.type === 'notice') waiting.push(event);
    else list.show(event);
  };
  return { onEvent, close: () => closing.then(close) };
}

function showStill(event: BuildEvent): void {
  showWarning(event);
  const columns = process.stdout.columns ?? 80;
  const lines = event.type === 'finished' ? ['', ...artifactLines(event.artifacts, columns)] : linesOf(event);
  for (const line of lines) process.stdout.write(`${line}\n`);
}

interface TaskList {
  readonly show: (event: BuildEvent) => void;
  /** Marks what is not done as failed and waits for the last picture. */
  readonly end: () => Promise<void>;
}

interface TargetLine {
  readonly done: PromiseWithResolvers<void>;
  task?: ListrTaskWrapper<unknown, never, never>;
  remaining: number;
  phase: string;
}

function openTaskList(targets: readonly string[], programs: number): TaskList {
  const width = Math.max(...targets.map((target) => target.length));
  const lines = new Map<string, TargetLine>(
    targets.map((target) => [
      target,
      { done: Promise.withResolvers<void>(), remaining: programs, phase: 'waiting' },
    ]),
  );
  const title = (target: string, text: string) => `${target.padEnd(width)}  ${text}`;
  const listr = new Listr(
    targets.map((target) => ({
      title: title(target, 'waiting'),
      task: (_context, task) => {
        const line = lines.get(target)!;
        line.task = task as never;
        return line.done.promise;
      },
    })),
    {
      concurrent: true,
      exitOnError: false,
      // The command line ends a build by itself, and must know of it.
      registerSignalListeners: false,
      rendererOptions: { formatOutput: 'truncate', showErrorMessage: false, collapseErrors: false },
    },
  );
  const running = listr.run();
  return {
    show: (event) => {
      const line = 'target' in event && event.target !== undefined ? lines.get(event.target) : undefined;
      if (line?.task === undefined || !('target' in event)) return;
      const text = textOf(event, line);
      if (text !== undefined) line.task.title = title(event.target!, text);
      if (event.type === 'fetched') line.done.resolve();
      if (event.type === 'artifact' && --line.remaining === 0) line.done.resolve();
      if (event.type === 'failure') line.done.reject(new Error(event.code));
    },
    end: async () => {
      for (const { done } of lines.values()) done.reject(new Error('not built'));
      await running;
    },
  };
}

function textOf(event: BuildEvent, line: TargetLine): string | undefined {
  switch (event.type) {
    case 'phase':
      line.phase = event.phase;
      return event.phase;
    case 'download':
      return event.total === null
        ? `fetch  ${size(event.received)}`
        : `fetch  ${bar(event.received, event.total)}`;
    case 'compress':
      return `${line.phase}  ${bar(event.done, event.total)}`;
    case 'fetched':
      return `node ${event.version} from ${event.source}`;
    case 'artifact':
      return size(event.bytes);
    case 'failure':
      return 'failed';
    default:
      return undefined;
  }
}

const BAR = 12;

/** `███████░░░░░  58%` */
function bar(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const full = Math.floor(share * BAR);
  const empty = styleText('dim', '░'.repeat(BAR - full));
  return `${'█'.repeat(full)}${empty} ${String(Math.floor(share * 100)).padStart(3)}%`;
}
