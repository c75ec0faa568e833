// A client of examples/kv while the code that serves it is exchanged (`reload`), or the server stops.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Connection, newCaller } from '../examples/kv/apps/kv_server/src/connection.ts';

const LARGE = 'x'.repeat(32 << 20);

/** Both ends of a connection. */
async function ends(): Promise<{ readonly client: Socket; readonly socket: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    for (const one of [client, socket]) one.destroy();
    server.close();
  });
  return { client, socket };
}

/** All that the client is told. */
async function textOf(client: Socket): Promise<string> {
  let text = '';
  for await (const chunk of client.setEncoding('utf8')) text += chunk;
  return text;
}

/** Answers lines with themselves and the name of the code, once it may. */
function code(name: string) {
  const lines: string[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
  const answer = async (line: string) => {
    lines.push(line);
    begin();
    await allowed;
    return [`${line} by ${name}`];
  };
  return { answer, begun, allow, lines };
}

test('what came in before an exchange and is not begun is answered by the new code, in order', async () => {
  const { client, socket } = await ends();
  const [old, next] = [code('old'), code('new')];
  const before = new Connection(newCaller(socket), old.answer, () => {});
  client.write('one\ntwo\nthr');
  await old.begun;
  const after = new Connection(before.leave(), next.answer, () => {});
  next.allow();
  client.write('ee\nfour\n');
  old.allow();
  const told = textOf(client);
  await next.begun;
  await until(() => next.lines.length === 3);
  await after.drain();
  expect(await told).toBe('one by old\r\ntwo by new\r\nthree by new\r\nfour by new\r\n');
});

test('a client that hangs up during an exchange with its answers unread keeps nobody waiting', async () => {
  const { client, socket } = await ends();
  client.pause();
  const before = new Connection(
    newCaller(socket),
    async () => [LARGE],
    () => {},
  );
  client.write('one\n');
  await until(() => socket.writableNeedDrain);
  const caller = before.leave();
  let closed = 0;
  const after = new Connection(
    caller,
    async () => ['never'],
    () => (closed += 1),
  );
  const drained = after.drain();
  client.destroy();
  await drained;
  await caller.answered;
  expect(closed).toBe(1);
});

test('what a client sends while the server stops is not read by the code that served it before', async () => {
  const { client, socket } = await ends();
  const [old, next] = [code('old'), code('new')];
  const before = new Connection(newCaller(socket), old.answer, () => {});
  client.write('one\n');
  await old.begun;
  const after = new Connection(before.leave(), next.answer, () => {});
  const given: string[] = [];
  const drained = after.drain(async (one, head) => {
    // Who takes a connection over gets what comes from here on.
    await new Promise(setImmediate);
    expect(one.isPaused()).toBe(true);
    given.push(String(head));
    one.destroy();
    return true;
  });
  client.write('two\n');
  old.allow();
  await drained;
  expect(given).toEqual(['']);
  expect(next.lines).toEqual([]);
});

test('clients with large answers leave no listeners behind', async () => {
  const { client, socket } = await ends();
  const connection = new Connection(
    newCaller(socket),
    async () => [LARGE],
    () => {},
  );
  const listeners = socket.listenerCount('close') + socket.listenerCount('drain');
  client.resume();
  for (let number = 0; number < 3; number += 1) {
    client.write('one\n');
    await until(() => socket.writableNeedDrain);
    await until(() => !socket.writableNeedDrain);
  }
  await until(() => !socket.isPaused());
  expect(socket.listenerCount('close') + socket.listenerCount('drain')).toBe(listeners);
  await connection.drain();
});

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise(setImmediate);
}
