import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Channel, Message } from './channel.ts';

// Both ends prove that they know the cookie without saying it:
//
//   client → server   { sarma: 1, node, nonce }
//   server → client   { node, nonce, proof }      HMAC-SHA256(cookie, [protocol, 'server', node, both nonces])
//   client → server   { proof }                   HMAC-SHA256(cookie, [protocol, 'client', node, both nonces])
//   server → client   { welcome: true }
//
// The server goes first: whoever squats on its place gets a random number from a client and nothing else. The role in
// the proof is against handing a proof back, the other end's nonce against playing an old one again, the node's name
// against handing it on to another node with the same cookie.

const PROTOCOL = 'sarma-control-1';
const NONCE = /^[A-Za-z0-9_-]{43}$/;

/** Bytes that a line of the handshake may have. */
export const HANDSHAKE_LIMIT = 1024;

export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  readonly code: 'OTHER_COOKIE' | 'OTHER_NODE' | 'NO_SERVER';

  constructor(code: HandshakeError['code']) {
    super(code);
    this.code = code;
  }
}

interface Nonces {
  readonly client: string;
  readonly server: string;
}

/** The server's side. False: the other end is nobody to talk to. */
export async function admit(channel: Channel, node: string, cookie: string): Promise<boolean> {
  const hello = await channel.receive();
  if (hello.sarma !== 1 || !isNonce(hello.nonce)) return false;
  if (hello.node !== node) {
    channel.send({ refused: 'node' });
    return false;
  }
  const nonces = { client: hello.nonce, server: nonce() };
  channel.send({ node, nonce: nonces.server, proof: proof(cookie, 'server', node, nonces) });
  const answer = await channel.receive();
  if (!isProof(answer, proof(cookie, 'client', node, nonces))) return false;
  channel.send({ welcome: true });
  return true;
}

/** The client's side. Rejects with a HandshakeError where the other end is not the node. */
export async function introduce(channel: Channel, node: string, cookie: string): Promise<void> {
  const client = nonce();
  channel.send({ sarma: 1, node, nonce: client });
  const answer = await channel.receive();
  if (answer.refused === 'node') throw new HandshakeError('OTHER_NODE');
  if (!isNonce(answer.nonce)) throw new HandshakeError('NO_SERVER');
  const nonces = { client, server: answer.nonce };
  if (!isProof(answer, proof(cookie, 'server', node, nonces))) throw new HandshakeError('OTHER_COOKIE');
  channel.send({ proof: proof(cookie, 'client', node, nonces) });
  if ((await channel.receive()).welcome !== true) throw new HandshakeError('NO_SERVER');
}

function nonce(): string {
  return randomBytes(32).toString('base64url');
}

function isNonce(value: unknown): value is string {
  return typeof value === 'string' && NONCE.test(value);
}

function proof(cookie: string, role: 'server' | 'client', node: string, nonces: Nonces): string {
  const said = JSON.stringify([PROTOCOL, role, node, nonces.client, nonces.server]);
  return createHmac('sha256', cookie).update(said).digest('base64url');
}

function isProof({ proof }: Message, expected: string): boolean {
  if (typeof proof !== 'string') return false;
  const given = Buffer.from(proof);
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}
