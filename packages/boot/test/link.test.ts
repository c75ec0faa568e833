import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { endOfParent, Link } from '../src/upgrade/link.ts';

test('handles that wait for a child that is killed hold nobody up', async () => {
  const server = createServer().listen(0);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  // It takes nothing, so the second handle waits until it has said that it has the first one.
  const script = 'process.kill(process.pid, "SIGSTOP")';
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const link = new Link<{ type: 'none' }, { type: 'socket' }>(endOfParent(child));
  let left = 0;
  const sent = [1, 2].map(async () => {
    await link.send({ type: 'socket' }, server);
    left += 1;
  });
  await sent[0];
  expect(left).toBe(1);
  child.kill('SIGKILL');
  await Promise.all([...sent, link.closed]);
});
