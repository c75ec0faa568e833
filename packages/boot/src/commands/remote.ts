import { setTimeout as wait } from 'node:timers/promises';
import type { CommandContext } from '../context.ts';
import { type ControlClient, type ControlStream, connect } from '../control/client.ts';
import type { ReplRequest } from '../control/repl.ts';
import { BootError } from '../error.ts';
import type { NodeInfo } from '../node-info.ts';

/** A REPL in the running node. Leaving it leaves the node running. */
export async function run({ boot, environment, stdout, stderr }: CommandContext): Promise<number> {
  const client = await connect(boot, environment);
  const { pid, version } = (await client.call('info', {})) as NodeInfo;
  const { stdin } = process;
  const terminal = stdin.isTTY === true && stdout.isTTY === true;
  if (terminal) {
    stderr.write(
      `Connected to ${environment.node} ${version} (PID ${pid}). This runs in the live node: what blocks here blocks it, and process.exit() ends it. Ctrl-D or .exit leaves.\n`,
    );
  }
  const request: ReplRequest = {
    terminal,
    colors: terminal && stdout.hasColors(),
    columns: stdout.columns ?? 80,
    rows: stdout.rows ?? 24,
  };
  const stream: ControlStream = client.stream('repl', request, (event) => {
    if (typeof event.data === 'string') stdout.write(event.data);
    if (event.suspend === true) suspend(stream);
  });
  const blocked = new Promise<'blocked'>((resolve) => {
    forward(stream, terminal, () => void isBlocked(client).then((is) => is && resolve('blocked')));
  });
  try {
    if ((await Promise.race([stream.result, blocked])) === 'blocked')
      stderr.write(`\n${boot.name}: ${environment.node} does not answer; left. What blocks it goes on.\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    stderr.write(`\n${boot.name}: ${error.message}\n`);
    return 1;
  } finally {
    if (terminal) stdin.setRawMode(false);
    stdin.pause();
    client.close();
  }
}

/** Milliseconds after which a node that says nothing is left without its consent. */
const PATIENCE = 1000;

async function isBlocked(client: ControlClient): Promise<boolean> {
  const answered = client.call('info', {}).then(
    () => false,
    () => false, // It has hung up, which is an answer too.
  );
  return await Promise.race([answered, wait(PATIENCE, true)]);
}

/** Every key goes to the node, Ctrl-C too, and so do the terminal's changes of size. */
function forward(stream: ControlStream, terminal: boolean, onCtrlD: () => void): void {
  const { stdin, stdout } = process;
  if (terminal) {
    stdin.setRawMode(true);
    stdout.on('resize', () => stream.send({ columns: stdout.columns, rows: stdout.rows }));
  }
  stdin.setEncoding('utf8');
  stdin.on('data', (data: string) => {
    stream.send({ data });
    if (terminal && data.includes('\u0004')) onCtrlD();
  });
  stdin.on('end', () => stream.send({ end: true }));
}

/** Ctrl-Z stops this process, as it would any other, and not the node. */
function suspend(stream: ControlStream): void {
  const { stdin, stdout } = process;
  process.once('SIGCONT', () => {
    stdin.setRawMode(true);
    // Draws the line again.
    stream.send({ columns: stdout.columns, rows: stdout.rows });
  });
  stdin.setRawMode(false);
  process.kill(process.pid, 'SIGTSTP');
}
