import type { CommandContext } from '../context.ts';
import type { Call } from '../control/call.ts';
import { serveRepl } from '../control/repl.ts';
import { start } from './start.ts';

/** `start_repl`: like `start`, with a REPL in the node. Leaving it stops the node. */
export async function run({ boot, environment, args, stdout }: CommandContext): Promise<undefined> {
  const node = await start(boot, environment, args);
  const { stdin } = process;
  const terminal = stdin.isTTY === true && stdout.isTTY === true;
  if (terminal) {
    stdin.setRawMode(true);
    node.onStopped(() => void stdin.setRawMode(false));
  }
  await serveRepl(node, localCall(terminal, stdout));
  await node.stop('command');
}

/** The REPL is written for a client at the other end of a socket: here both ends are this process. */
function localCall(terminal: boolean, stdout: NodeJS.WriteStream): Call {
  const { columns = 80, rows = 24 } = stdout;
  return {
    params: { terminal, colors: terminal && stdout.hasColors(), columns, rows },
    send: ({ data }) => void (typeof data === 'string' && stdout.write(data)),
    received: (listener) => {
      process.stdin.setEncoding('utf8');
      process.stdin.on('data', (data) => listener({ data }));
      process.stdin.on('end', () => listener({ end: true }));
      stdout.on('resize', () => listener({ columns: stdout.columns, rows: stdout.rows }));
    },
    onClosed: () => {},
  };
}
