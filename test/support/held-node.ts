// A node as whoever started it knows it, without a release: `held-node.ts STATE ROOT`. It has a record, says what signals
// reach it, does what it is told on a socket, and is upgraded to itself.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { recordFile } from '../../packages/boot/src/control/node-record.ts';
import type { ReleaseEnvironment } from '../../packages/boot/src/environment.ts';
import { hold, parentsOfSuccessor, stopWithHolder } from '../../packages/boot/src/upgrade/hold.ts';
import { passSignals } from '../../packages/boot/src/upgrade/pass-signals.ts';

const [state, root] = process.argv.slice(2) as [string, string];
const environment = {
  root,
  version: '1.0.0',
  node: 'demo',
  mutableDirectory: state,
  readOnly: false,
} as ReleaseEnvironment;

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR2', 'SIGALRM', 'SIGCONT'] as const)
  process.on(signal, () => console.log(signal));

const words: Readonly<Record<string, (argument: string) => void>> = {
  exit: (code) => process.exit(Number(code)),
  kill: (signal) => process.kill(process.pid, signal),
  // A daemon as many make one: its parent ends at once.
  orphan: () => void spawn('sh', ['-c', 'sleep 0.5 & echo orphan $!'], { stdio: 'inherit' }),
  upgrade: () => upgrade(false),
  'upgrade-to-dead': () => upgrade(true),
};

function upgrade(toDead: boolean): void {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  const holding = { environment, child };
  child.on('message', () => {
    passSignals(child);
    child.send(parentsOfSuccessor(environment), () => {
      child.disconnect();
      if (toDead) {
        child.on('exit', () => void hold(holding));
        child.kill('SIGKILL');
        return;
      }
      void hold(holding);
      // For whoever waits for that.
      if (!existsSync(path.join(root, 'releases/1.0.0/launcher'))) process.title = 'holds';
    });
  });
}

process.on('message', (parents: readonly number[]) => {
  process.disconnect();
  stopWithHolder(parents, () => {
    console.log('holder is gone');
    process.exit();
  });
});

const server = createServer((socket) => {
  socket.setEncoding('utf8').on('data', (text: string) => {
    const [word = '', argument = ''] = text.split(' ');
    words[word]!(argument);
  });
});
server.listen(path.join(state, `${process.pid}.sock`), () => {
  const record = recordFile(environment);
  mkdirSync(path.dirname(record), { recursive: true });
  writeFileSync(`${record}.new`, JSON.stringify({ id: 'x', node: 'demo', pid: process.pid }));
  renameSync(`${record}.new`, record);
  console.log('node', process.pid);
  process.send?.('taken');
});
