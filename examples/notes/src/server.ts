import { createHmac } from 'node:crypto';
import type { RequestListener } from 'node:http';
import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import fastify, { type FastifyInstance } from 'fastify';
import type { Notes } from './notes.ts';
import { page } from './page.ts';
import { publishRequest } from './telemetry.ts';

const TEXT = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string', minLength: 1 } },
} as const;
const ID = { type: 'object', properties: { id: { type: 'integer' } } } as const;

interface Text {
  readonly Body: { readonly text: string };
}

interface Id {
  readonly Params: { readonly id: number };
}

interface Options {
  readonly notes: Notes;
  readonly secretKeyBase: string;
  /** Whether answers end their connections. */
  readonly isClosing: () => boolean;
}

/** The page at `/` and the notes as JSON at `/api/notes`. */
export async function createHandler({ notes, secretKeyBase, isClosing }: Options): Promise<RequestListener> {
  const server = fastify();
  server.addHook('onSend', async (_request, reply) => {
    if (isClosing()) reply.header('connection', 'close');
  });
  server.addHook('onResponse', (request, reply, done) => {
    publishRequest({
      method: request.method,
      route: request.routeOptions.url ?? '(unknown)',
      status: reply.statusCode,
      milliseconds: reply.elapsedTime,
    });
    done();
  });
  await server.register(addPage, { notes, secretKeyBase });
  await server.register(addApi, { notes });
  await server.ready();
  return server.routing;
}

async function addPage(
  server: FastifyInstance,
  options: { notes: Notes; secretKeyBase: string },
): Promise<void> {
  const { notes, secretKeyBase } = options;
  const key = (purpose: string) => createHmac('sha256', secretKeyBase).update(purpose).digest('hex');
  await server.register(formbody);
  await server.register(cookie, { secret: key('cookie') });
  await server.register(csrf, {
    cookieOpts: { signed: true, httpOnly: true, sameSite: 'strict', path: '/' },
    getToken: (request) => (request.body as { _csrf?: string } | undefined)?._csrf,
  });
  server.get('/', (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(page(notes.all(), reply.generateCsrf())),
  );
  server.post<Text>('/', { schema: { body: TEXT }, preHandler: server.csrfProtection }, (request, reply) => {
    notes.add(request.body.text);
    return reply.redirect('/', 303);
  });
}

// Needs no token: a page of somebody else cannot send JSON here without being asked first (CORS), and is refused then.
async function addApi(server: FastifyInstance, { notes }: { notes: Notes }): Promise<void> {
  server.get('/api/notes', () => notes.all());
  server.post<Text>('/api/notes', { schema: { body: TEXT } }, (request, reply) =>
    reply.code(201).send(notes.add(request.body.text)),
  );
  server.get<Id>('/api/notes/:id', { schema: { params: ID } }, (request, reply) => {
    const note = notes.get(request.params.id);
    return note ?? reply.code(404).send({ message: `there is no note ${request.params.id}` });
  });
  server.delete<Id>('/api/notes/:id', { schema: { params: ID } }, (request, reply) => {
    const removed = notes.remove(request.params.id);
    return reply.code(removed ? 204 : 404).send();
  });
}
