import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { body, client, connectingClient, httpClient, LineClient, post, until } from './support/clients.ts';
import { application, directory, free, lines, Versions } from './support/versions.ts';

/** Answers with its version over HTTP once it has the whole request. `listen` is what it listens on, `more` is done before. */
const http = (listen: string, more = '', folder = directory()) =>
  application(
    folder,
    `import { createServer } from 'node:http';
    import { rmSync } from 'node:fs';
    export default {
      async start(version) {
        const server = createServer(async (request, response) => {
          for await (const chunk of request);
          response.end(version);
        });
        ${more}
        server.listen(${listen});
        await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
        return server;
      },
      async stop(server) { await new Promise((resolve) => server.close(resolve)); },
    };`,
  );

describe('clients', () => {
  test('that ask without pause see no error over three upgrades', async () => {
    const port = free();
    const versions = await Versions.start(http(`${port}, '127.0.0.1'`));
    const clients = [
      httpClient({ port }),
      httpClient({ port }),
      client(async () => await (await fetch(`http://127.0.0.1:${port}`)).text()),
    ];
    for (const version of ['2', '3', '4']) {
      await wait(100);
      await versions.upgrade(version);
    }
    for (const end of clients) {
      const { answers, errors } = await end('4');
      expect(errors).toEqual([]);
      expect(Object.keys(answers)).toEqual(['1', '2', '3', '4']);
    }
  });

  test('that connect anew for every line see no error', async () => {
    const port = free();
    const versions = await Versions.start(lines(`${port}`));
    const end = connectingClient({ port });
    for (const version of ['2', '3']) await versions.upgrade(version, { drain: 1000 });
    const { answers, errors } = await end('3');
    expect(errors).toEqual([]);
    expect(Object.keys(answers)).toEqual(['1', '2', '3']);
  });

  test('whose request is under way get the answer from the version they asked', async () => {
    const port = free();
    const versions = await Versions.start(http(`${port}`));
    const agent = new Agent({ keepAlive: true });
    const { sent, answer } = post({ port, agent });
    await wait(100);
    const upgrade = versions.upgrade('2');
    await versions.draining();
    sent.end('all');
    expect(await answer).toBe('1');
    await upgrade;
    expect(await body({ port, agent })).toBe('2');
    agent.destroy();
  });

  test('that keep a connection open between two requests keep it', async () => {
    const port = free();
    const versions = await Versions.start(http(`${port}`, 'server.keepAliveTimeout = 60_000;'));
    const agent = new Agent({ keepAlive: true });
    expect(await body({ port, agent })).toBe('1');
    const [socket] = Object.values(agent.freeSockets).flat();
    await versions.upgrade('2');
    expect(versions.left).toEqual([0]);
    expect(await body({ port, agent })).toBe('2');
    expect(Object.values(agent.freeSockets).flat()).toEqual([socket]);
    agent.destroy();
  });

  test('that have sent half a request get its answer from the version that has it', async () => {
    const port = free();
    const versions = await Versions.start(http(`${port}`));
    const half = new LineClient({ port });
    half.write('GET / HTTP/1.1\r\nHost: a');
    await wait(100);
    const upgrade = versions.upgrade('2');
    await versions.draining();
    half.write('\r\n\r\n');
    const answer: string[] = [];
    for (let line = await half.line(); line !== '\r'; line = await half.line()) answer.push(line.trim());
    expect(answer).toContain('Connection: close');
    await upgrade;
  });

  test('that send several requests at once get all answers', async () => {
    const port = free();
    const versions = await Versions.start(http(`${port}`));
    const several = new LineClient({ port });
    several.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n');
    await wait(100);
    const upgrade = versions.upgrade('2');
    await versions.draining();
    several.write('xGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const text: string[] = [];
    await (async () => {
      for (;;) text.push((await several.line()).trim());
    })().catch(() => {});
    await upgrade;
    expect(text.filter((line) => line.startsWith('Connection:'))).toEqual([
      'Connection: keep-alive',
      'Connection: keep-alive',
      'Connection: close',
    ]);
  });

  test('of a server that is none for HTTP are waited for until they hang up, or the time is over', async () => {
    const port = free();
    const file = application(
      directory(),
      `import { createServer } from 'node:net';
      export default {
        start(version) {
          const server = createServer((socket) => socket.on('data', () => socket.write(version + '\\n')));
          return new Promise((resolve) => server.listen(${port}, () => resolve(server)));
        },
      };`,
    );
    const versions = await Versions.start(file);
    const stays = new LineClient({ port });
    expect(await stays.ask('')).toBe('1');
    const upgrade = versions.upgrade('2', { drain: 10_000 });
    await versions.draining();
    expect(await stays.ask('')).toBe('1');
    stays.end();
    await upgrade;
    const again = new LineClient({ port });
    expect(await again.ask('')).toBe('2');
    await versions.upgrade('3', { drain: 200 });
    expect(versions.left).toEqual([0, 1]);
    again.end();
  });
});

describe('open connections', () => {
  for (const isExclusive of [true, false]) {
    test(`go to the next version where the application gives them away${isExclusive ? ' and must have ended before' : ''}`, async () => {
      const port = free();
      const versions = await Versions.start(lines(`${port}`));
      const stays = new LineClient({ port });
      expect(await stays.ask('a')).toBe('1 a');
      // Half a line, which ends in the middle of a character.
      stays.write(Buffer.concat([Buffer.from('b'), Buffer.from('ü').subarray(0, 1)]));
      await wait(100);
      await versions.upgrade('2', { isExclusive, drain: 0 });
      stays.write(Buffer.concat([Buffer.from('ü').subarray(1), Buffer.from('\n')]));
      expect(await stays.line()).toBe('2 bü');
      await versions.upgrade('3', { isExclusive, drain: 0 });
      expect(await stays.ask('c')).toBe('3 c');
      stays.end();
    });
  }

  test('are served on by the old version when the next one fails', async () => {
    const port = free();
    const versions = await Versions.start(lines(`${port}`));
    const stays = new LineClient({ port });
    expect(await stays.ask('a')).toBe('1 a');
    stays.write('b');
    await wait(100);
    await versions.upgrade('2', { isExclusive: true, until: 'ready' });
    const waits = new LineClient({ port });
    const answer = waits.ask('x');
    await versions.order({ type: 'back' });
    expect(await stays.ask('c')).toBe('1 bc');
    expect(await answer).toBe('1 x');
    await versions.upgrade('3', { isExclusive: true });
    expect(await stays.ask('d')).toBe('3 d');
    stays.end();
    waits.end();
  });
});

describe('a version that fails', () => {
  test('before the commit has answered nobody', async () => {
    const port = free();
    const versions = await Versions.start(http(`${port}`));
    const end = httpClient({ port });
    await versions.upgrade('2', { until: 'ready' });
    await wait(100);
    await versions.order({ type: 'back' });
    await versions.upgrade('3');
    const { answers, errors } = await end('3');
    expect(errors).toEqual([]);
    expect(Object.keys(answers)).toEqual(['1', '3']);
  });

  test('after the commit leaves the old one to serve on', async () => {
    const port = free();
    const versions = await Versions.start(http(`${port}`));
    const stays = new Agent({ keepAlive: true });
    const { sent, answer } = post({ port, agent: stays });
    await wait(100);
    await versions.upgrade('2', { until: 'accepting' });
    await versions.order({ type: 'back' });
    sent.end('all');
    expect(await answer).toBe('1');
    expect(await body({ port })).toBe('1');
    await versions.upgrade('3');
    expect(await body({ port })).toBe('3');
    stays.destroy();
  });
});

describe('what is listened on', () => {
  const address = async (versions: Versions) =>
    (await versions.order({ type: 'evaluate', code: 'JSON.stringify(state.address())' })).value as string;

  test.for([
    ['an IPv4 address', (port: number) => `${port}, '127.0.0.1'`, '127.0.0.1'],
    ['an IPv6 address, however it is written', (port: number) => `${port}, '0:0:0:0:0:0:0:1'`, '::1'],
    ['every address', (port: number) => `${port}`, '127.0.0.1'],
    ['every address, the other way', (port: number) => `${port}`, '::1'],
    ['a name', (port: number) => `${port}, 'localhost'`, 'localhost'],
    ['options', (port: number) => `{ port: ${port}, host: '0.0.0.0', backlog: 5 }`, '127.0.0.1'],
  ] as const)('%s is handed over, and known as what it is before the commit', async ([, listen, host]) => {
    const port = free();
    const versions = await Versions.start(http(listen(port)));
    const before = await address(versions);
    await versions.upgrade('2', { until: 'ready' });
    expect(await body({ host, port })).toBe('1');
    expect(await address(versions)).toBe(before);
    await versions.order({ type: 'go on' });
    expect(await address(versions)).toBe(before);
    expect(await body({ host, port })).toBe('2');
  });

  test('a port that the system chooses is another one in the next version', async () => {
    const versions = await Versions.start(http('0'));
    const before = JSON.parse(await address(versions)) as { port: number };
    await versions.upgrade('2');
    const { port } = JSON.parse(await address(versions)) as { port: number };
    expect(port).not.toBe(before.port);
    expect(await body({ port })).toBe('2');
  });

  test('by several servers is handed over with each of them', async () => {
    const [first, second] = [free(), free()];
    const more = `createServer((request, response) => response.end('other ' + version)).listen(${second});`;
    const versions = await Versions.start(http(`${first}`, more));
    await versions.upgrade('2');
    expect(await body({ port: first })).toBe('2');
    expect(await body({ port: second })).toBe('other 2');
  });

  test('by a server that has closed before the commit waits for another one', async () => {
    const port = free();
    const more = `
      const probe = createServer().listen(${port});
      await new Promise((resolve) => probe.once('listening', resolve));
      await new Promise((resolve) => probe.close(resolve));`;
    const versions = await Versions.start(http(`${port}`, more));
    await versions.upgrade('2');
    expect(await body({ port })).toBe('2');
  });

  test('in the old version only is served by it until it has ended', async () => {
    const port = free();
    const other = free();
    const more = `if (version === '1') createServer((request, response) => response.end('old')).listen(${other});`;
    const versions = await Versions.start(http(`${port}`, more));
    await versions.upgrade('2', { until: 'accepting' });
    expect(await body({ port: other, agent: false })).toBe('old');
    await versions.order({ type: 'back' });
    expect(await body({ port: other, agent: false })).toBe('old');
    await versions.upgrade('3');
    // Who comes while it is being closed is cut off.
    const refusal = () => body({ port: other, agent: false }).catch((error: Error) => error.message);
    await expect.poll(refusal).toContain('ECONNREFUSED');
  });

  test('by the new version only later, while the old one still has it, goes over to that one', async () => {
    const port = free();
    const other = free();
    const more = `
      const listen = () => new Promise((resolve, reject) =>
        createServer((request, response) => response.end('other ' + version)).listen(${other}, resolve).on('error', reject));
      if (version === '1') await listen();
      server.later = () => listen().then(() => 'listens', String);`;
    const versions = await Versions.start(http(`${port}`, more));
    const { sent, answer } = post({ port });
    await wait(100);
    const upgrade = versions.upgrade('2');
    await versions.draining();
    const { value } = await versions.order({ type: 'evaluate', code: 'state.later()' });
    expect(value).toBe('listens');
    sent.end('all');
    expect(await answer).toBe('1');
    await upgrade;
    expect(await body({ port: other, agent: false })).toBe('other 2');
  });
});

describe('a Unix-domain socket', () => {
  test('is handed over without a client that is refused, over three upgrades', async () => {
    const folder = directory();
    const file = path.join(folder, 's');
    const versions = await Versions.start(http(`'${file}'`, '', folder));
    const clients = [httpClient({ socketPath: file }), connecting(file)];
    for (const version of ['2', '3', '4']) {
      await wait(100);
      await versions.upgrade(version);
    }
    for (const end of clients) {
      const { answers, errors } = await end('4');
      expect(errors).toEqual([]);
      expect(Object.keys(answers)).toEqual(['1', '2', '3', '4']);
    }
  });

  test('whose path the next version removes before it listens stays where it is', async () => {
    const folder = directory();
    const file = path.join(folder, 's');
    const versions = await Versions.start(http(`'${file}'`, `rmSync('${file}', { force: true });`, folder));
    await versions.upgrade('2', { until: 'ready' });
    expect(await body({ socketPath: file })).toBe('1');
    await versions.order({ type: 'go on' });
    expect(await body({ socketPath: file })).toBe('2');
    expect(existsSync(`${file}.upgrade`)).toBe(false);
  });

  test('outlives the process that has bound it, and goes with the last version', async () => {
    const folder = directory();
    const file = path.join(folder, 's');
    const versions = await Versions.start(
      http(
        `'${file}'`,
        "server.once('request', (_, answer) => answer.once('close', () => server.close()));",
        folder,
      ),
    );
    await versions.upgrade('2');
    versions.child.send({ type: 'exit' });
    await versions.exited;
    expect(await body({ socketPath: file })).toBe('2');
    await until(() => !existsSync(file));
  });
});

/** A new connection for every request over HTTP. */
function connecting(socketPath: string) {
  return client(async () => await body({ socketPath, agent: false }));
}
