import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, vi } from 'vitest';
import { Client } from '../../examples/kv/apps/kv/src/client.ts';

// Clients of the examples that send without pause, and what they were told.

/** A client that has sent since it was made. */
export interface Busy {
  /** How many writes were acknowledged. */
  readonly done: () => number;
  /** The numbers of those that were. */
  readonly acknowledged: () => readonly number[];
  /** Resolves when it has got answers to requests that it has sent from now on; rejects with what went wrong. */
  readonly progress: () => Promise<void>;
  /** Ends it; rejects with what went wrong. */
  readonly end: () => Promise<void>;
}

/** How many answers are progress: more than one may have been under way. */
const ANSWERS = 5;

/** Calls `act` with 0, 1, 2, … until it is ended; with `failed`, an error is told to that and the next number comes. */
export function busy(
  act: (number: number) => Promise<unknown>,
  failed?: (error: Error) => Promise<void>,
): Busy {
  const acknowledged: number[] = [];
  let isToEnd = false;
  const ended = (async () => {
    for (let number = 0; !isToEnd; number += 1) {
      try {
        await act(number);
        acknowledged.push(number);
      } catch (error) {
        if (failed === undefined) throw error;
        await failed(error as Error);
      }
    }
  })();
  ended.catch(() => {}); // `progress` and `end` tell.
  onTestFinished(() => {
    isToEnd = true;
  });
  const progress = async () => {
    const enough = acknowledged.length + ANSWERS;
    await Promise.race([ended, vi.waitUntil(() => acknowledged.length >= enough, { timeout: 30_000 })]);
  };
  const end = async () => {
    isToEnd = true;
    await ended;
  };
  return { done: () => acknowledged.length, acknowledged: () => acknowledged, progress, end };
}

/** Connections that a client makes, counted. */
export class CountingAgent extends Agent {
  connections = 0;

  override createConnection(...options: Parameters<Agent['createConnection']>) {
    this.connections += 1;
    return super.createConnection(...options);
  }
}

/** Over one connection at a time, which is kept as long as the server keeps it. */
export function keeping(): CountingAgent {
  const agent = new CountingAgent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return agent;
}

/** Status, version of the code that answered, and what it said. */
export interface Answer {
  readonly status: number;
  readonly version: string;
  readonly text: string;
}

/** Asks notes: with a body to add that one. */
export async function ask(
  port: number,
  agent: Agent,
  { path = '/api/notes', body }: { readonly path?: string; readonly body?: string } = {},
): Promise<Answer> {
  const headers =
    body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const method = body === undefined ? 'GET' : 'POST';
  const sent = request({ host: '127.0.0.1', port, agent, method, path, headers });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  return { status: answer.statusCode!, version: String(answer.headers['x-version']), text };
}

export async function addNote(port: number, agent: Agent, text: string): Promise<void> {
  expect(await ask(port, agent, { body: JSON.stringify({ text }) })).toMatchObject({ status: 201 });
}

export async function notesOf(port: number): Promise<readonly string[]> {
  const { text } = await ask(port, new Agent());
  return (JSON.parse(text) as { text: string }[]).map((note) => note.text);
}

/** A connection to kv, closed after the test. */
export function openClient(port: number): Client {
  const client = new Client('127.0.0.1', port);
  onTestFinished(() => client.close());
  return client;
}

/** Until somebody listens there again. */
export async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    );
    socket.destroy();
    if (isOpen) return;
    await wait(20);
  }
}
