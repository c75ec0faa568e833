import { createRequire } from 'node:module';
import path from 'node:path';
import type { REPLServer } from 'node:repl';
import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { ReleaseEnvironment } from '../environment.ts';
import type { RunningNode } from '../running-node.ts';
import type { Call } from './call.ts';
import { forgetOwnFrames } from './own-frames.ts';

/** What `remote` says about its terminal. */
export interface ReplRequest {
  readonly terminal: boolean;
  readonly colors: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** `remote`, in the node: resolves when the client leaves. */
export async function serveRepl(node: RunningNode, call: Call): Promise<undefined> {
  const request = call.params as unknown as ReplRequest;
  let leave = () => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  call.onClosed(leave);
  const start = async ({ columns, rows }: Size) => {
    const output = new Terminal({ ...request, columns, rows }, (text) => call.send({ data: text }));
    const repl = await startRepl(node, request, output, () => call.send({ suspend: true }));
    // One that is given up exits when what it awaits has settled.
    repl.server.once('exit', () => output.isMuted || leave());
    return repl;
  };
  const session: Session = { repl: await start(request), start, leave };
  const feed = request.terminal ? keysOf(session) : linesOf(session.repl);
  call.received((message) => {
    if (typeof message.data === 'string') feed.take(message.data);
    if (message.end === true) feed.end();
    if (typeof message.columns === 'number')
      session.repl.output.resize(message.columns, Number(message.rows));
  });
  await left;
  session.repl.server.close();
  return undefined;
}

interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A REPL, and whether and until when it is at work on what it was given last. */
interface Repl {
  readonly server: REPLServer;
  readonly input: PassThrough;
  readonly output: Terminal;
  isBusy: boolean;
  idle: Promise<unknown>;
}

/** What one client looks at: a REPL, or the next when that one was given up. */
interface Session {
  repl: Repl;
  readonly start: (size: Size) => Promise<Repl>;
  readonly leave: () => void;
}

/** What the client sends, on its way to the REPL. */
interface Feed {
  take(text: string): void;
  end(): void;
}

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
/** Splits what was typed so that each of them stands alone. */
const CONTROLS = new RegExp(`([${CTRL_C}${CTRL_D}])`);

/**
 * While the REPL awaits something it keeps every key for later. Node's own is interrupted by way of the process's
 * SIGINT, which here is the node's.
 */
function keysOf(session: Session): Feed {
  let done = Promise.resolve();
  const hand = async (keys: string) => {
    const { isBusy, input } = session.repl;
    if (isBusy && keys === CTRL_D) session.leave();
    else if (isBusy && keys === CTRL_C) await giveUp(session);
    else {
      input.write(keys);
      await turn(); // The REPL has read them then, and may be busy.
    }
  };
  return {
    take(text) {
      for (const keys of text.split(CONTROLS)) if (keys !== '') done = done.then(() => hand(keys));
    },
    end: () => void done.then(() => session.leave()),
  };
}

/** Leaves what is awaited to itself; what was declared is there for the next REPL too. */
async function giveUp(session: Session): Promise<void> {
  const { server, output } = session.repl;
  output.write('\nLeft. What is awaited goes on in the node; its result is not shown.\n');
  output.isMuted = true;
  session.repl = await session.start(output);
  server.close();
}

/** One line after the other: without a terminal, the REPL does not wait for an `await` before it takes the next. */
function linesOf(repl: Repl): Feed {
  let rest = '';
  let done = Promise.resolve();
  const hand = (line: string) => {
    done = done.then(async () => {
      repl.server.emit('line', line);
      await repl.idle;
    });
  };
  return {
    take(text) {
      const lines = `${rest}${text}`.split(/\r?\n/);
      rest = lines.pop()!;
      for (const line of lines) hand(line);
    },
    end() {
      if (rest !== '') hand(rest);
      void done.then(() => repl.server.close());
    },
  };
}

/** The client's terminal, as far as the REPL looks at it. */
class Terminal extends Writable {
  readonly isTTY: boolean;
  columns: number;
  rows: number;
  isMuted = false;

  constructor({ terminal, columns, rows }: ReplRequest, send: (text: string) => void) {
    super({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        if (!this.isMuted) send(text);
        done();
      },
    });
    this.isTTY = terminal;
    this.columns = columns;
    this.rows = rows;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.emit('resize');
  }
}

async function startRepl(
  node: RunningNode,
  { terminal, colors }: ReplRequest,
  output: Terminal,
  onSuspend: () => void,
): Promise<Repl> {
  const input = new PassThrough();
  const { start } = await import('node:repl');
  const { boot, environment } = node;
  const directory = path.resolve(environment.root, boot.main);
  const server = startWithGlobals(() => {
    const started = start({
      prompt: terminal ? `${environment.node}> ` : '',
      input,
      output,
      terminal,
      useColors: colors,
      useGlobal: true,
      // It would evaluate in the live process with every key.
      preview: false,
    });
    started.context.require = createRequire(path.join(directory, 'repl'));
    started.context.stateOf = (name: string) => node.stateOf(name);
    return started;
  });
  const repl: Repl = { server, input, output, isBusy: false, idle: Promise.resolve() };
  const { eval: evaluate, displayPrompt, writer } = server;
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const watched: REPLServer['eval'] = (code, context, file, callback) => {
    // A promise that is rejected is printed by the REPL's domain, and the callback is not called: the prompt is.
    const prompted = new Promise<void>((resolve) => {
      server.displayPrompt = (preserveCursor) => {
        if (terminal) displayPrompt.call(server, preserveCursor);
        repl.isBusy = false;
        resolve();
      };
    });
    repl.isBusy = true;
    repl.idle = Promise.race([prompted, closed]);
    importingFrom(directory, () => evaluate.call(server, code, context, file, callback));
  };
  Object.assign(server, { eval: watched, writer: forgetful(writer) });
  // Ctrl-Z: without a listener, readline would stop the node.
  server.on('SIGTSTP', onSuspend);
  if (terminal) await keepHistory(server, historyFile(environment));
  return repl;
}

/** A writer that leaves the boot's own frames out. It has options, which the REPL looks at. */
function forgetful(writer: REPLServer['writer']): REPLServer['writer'] {
  const write = function (this: REPLServer, value: unknown) {
    forgetOwnFrames(value);
    return writer.call(this, value);
  };
  return Object.assign(write, { ...writer });
}

/** Without a file there is no history. */
function historyFile({ readOnly, mutableDirectory }: ReleaseEnvironment): string {
  return readOnly ? '' : path.join(mutableDirectory, 'repl_history');
}

/** What REPLs of this process have made global, and how many are open. */
const globals = { repls: 0, added: new Set<PropertyKey>() };

/**
 * The REPL makes `require`, `module` and Node's modules global, for good. Packages look at some of those to find out
 * where they run, so what one has added is taken away again when the last is left. What its user declared stays.
 */
function startWithGlobals(start: () => REPLServer): REPLServer {
  const before = new Set(Reflect.ownKeys(globalThis));
  const repl = start();
  globals.repls += 1;
  for (const key of Reflect.ownKeys(globalThis)) if (!before.has(key)) globals.added.add(key);
  repl.once('close', () => {
    globals.repls -= 1;
    if (globals.repls > 0) return;
    for (const key of globals.added) Reflect.deleteProperty(globalThis, key);
    globals.added.clear();
  });
  return repl;
}

/**
 * The REPL resolves `import()` from the working directory, which it asks for before it runs anything: it is told the
 * directory that one time. The code that is evaluated sees the real one.
 */
function importingFrom(directory: string, evaluate: () => void): void {
  const { cwd } = process;
  process.cwd = () => {
    process.cwd = cwd;
    return directory;
  };
  try {
    evaluate();
  } finally {
    process.cwd = cwd;
  }
}

function keepHistory(repl: REPLServer, file: string): Promise<void> {
  return new Promise((resolve) => repl.setupHistory(file, () => resolve()));
}
