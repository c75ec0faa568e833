// examples/kv and examples/notes under load take new versions: no client sees an error, and no write is lost.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../examples/kv/apps/kv/src/client.ts';
import { build, copyExample } from './support/examples.ts';
import { temporaryDirectory } from './support/run.ts';
import { ask, freePort, type Installed, installed, say, withEnv } from './support/services.ts';

const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.4.0'] as const;

/** Version → its assembled directory and its executable. */
type Built = Readonly<Record<string, { readonly directory: string; readonly executable: string }>>;

/** An example in all versions: the same code, that says another number. */
async function buildVersions(name: string, manifests: readonly string[]): Promise<Built> {
  const project = await copyExample(name);
  const place = await temporaryDirectory();
  const built: Record<string, Built[string]> = {};
  for (const version of VERSIONS) {
    for (const manifest of manifests) {
      const file = path.join(project, manifest);
      await writeFile(
        file,
        (await readFile(file, 'utf8')).replace(/"version": "[^"]*"/, `"version": "${version}"`),
      );
    }
    await build(project, ['wrap', name, '--current', '--compression', 'fast']);
    const directory = path.join(place, `${name}-${version}`);
    const executable = path.join(place, `${name}_${version}`);
    const link = { recursive: true, verbatimSymlinks: true };
    await cp(path.join(project, '_build/prod/rel', name), directory, link);
    await cp(path.join(project, `burrito_out/${name}_${process.platform}-${process.arch}`), executable);
    built[version] = { directory, executable };
  }
  return built;
}

/** What runs until it is told to end; rejects with the first error. */
function untilTold(act: (number: number) => Promise<void>) {
  let isToEnd = false;
  const ended = (async () => {
    let done = 0;
    for (; !isToEnd; done += 1) await act(done);
    return done;
  })();
  // Looked at when it is told to end.
  ended.catch(() => {});
  return async () => {
    isToEnd = true;
    return await ended;
  };
}

type Form = 'directory' | 'executable';

/** The first version as a daemon, and how it gets the others. */
async function startFirst(built: Built, form: Form, env: Readonly<Record<string, string>>) {
  const first = built[VERSIONS[0]]!;
  const place = path.join(await temporaryDirectory(), 'app');
  const link = { recursive: true, verbatimSymlinks: true };
  await cp(form === 'directory' ? first.directory : first.executable, place, link);
  const name = path.basename(first.directory).split('-')[0]!;
  const node = withEnv(await installed(form === 'directory' ? path.join(place, 'bin', name) : place), env);
  onTestFinished(async () => void (await ask(node, ['stop', '--force'])));
  await say(node, 'daemon');
  return node;
}

/** Three versions up and one down; the node's PID, as its supervisor sees it, and what it says of itself stay right. */
async function goThroughVersions(
  node: Installed,
  built: Built,
  form: Form,
  how: 'upgrade' | 'reload' = 'upgrade',
): Promise<void> {
  for (const version of VERSIONS.slice(1)) {
    await say(node, how, built[version]![form]);
    expect(await say(node, 'rpc', 'process.env.RELEASE_VSN')).toBe(`'${version}'`);
  }
  await say(node, ...(how === 'upgrade' ? ['downgrade'] : ['reload', '0.3.0']));
  expect(await say(node, 'rpc', 'process.env.RELEASE_VSN')).toBe("'0.3.0'");
}

describe.skipIf(process.platform === 'win32')('kv', () => {
  let built: Built;
  beforeAll(async () => {
    // The release has its version from the server; the application kv stays the same.
    built = await buildVersions('kv', ['apps/kv_server/package.json']);
  }, 300_000);

  test.each([
    ['upgrade', 'directory'],
    ['upgrade', 'executable'],
    ['reload', 'directory'],
    ['reload', 'executable'],
  ] as const)(
    '%s of a %s: open connections stay, and every write that was acknowledged is there',
    { timeout: 200_000 },
    async (how, form) => {
      const port = await freePort();
      const node = await startFirst(built, form, { PORT: String(port) });
      const open = () => new Client('127.0.0.1', port);
      const quiet = open();
      expect(await quiet.send('CREATE all')).toEqual(['OK']);
      const busy = open();
      const endBusy = untilTold(async (number) => {
        expect(await busy.send(`PUT all busy-${number} ${number}`)).toEqual(['OK']);
      });
      const endComing = untilTold(async (number) => {
        const client = open();
        expect(await client.send(`PUT all coming-${number} ${number}`)).toEqual(['OK']);
        expect(await client.send(`GET all coming-${number}`)).toEqual([String(number), 'OK']);
        client.close();
      });
      await goThroughVersions(node, built, form, how);
      const [kept, came] = [await endBusy(), await endComing()];
      expect(kept).toBeGreaterThan(0);
      expect(came).toBeGreaterThan(0);
      for (const [name, count] of [
        ['busy', kept],
        ['coming', came],
      ] as const)
        for (let number = 0; number < count; number += 1)
          expect(await quiet.send(`GET all ${name}-${number}`)).toEqual([String(number), 'OK']);
      for (const client of [quiet, busy]) client.close();
      await say(node, 'stop');
    },
  );
});

describe.skipIf(process.platform === 'win32')('notes', () => {
  let built: Built;
  beforeAll(async () => {
    built = await buildVersions('notes', ['package.json']);
  }, 300_000);

  test.each(['directory', 'executable'] as const)(
    'upgrade of a %s: clients that keep their connections and clients that come anew get their answers, and every note stays',
    { timeout: 200_000 },
    async (form) => {
      const port = await freePort();
      const node = await startFirst(built, form, { PORT: String(port), SECRET_KEY_BASE: 'x'.repeat(64) });
      const add = async (agent: Agent, text: string) => {
        const body = JSON.stringify({ text });
        const options = { port, agent, method: 'POST', path: '/api/notes' };
        const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
        const status = await new Promise((resolve, reject) => {
          const sent = request({ ...options, host: '127.0.0.1', headers }, (answer) => {
            answer
              .resume()
              .on('end', () => resolve(answer.statusCode))
              .on('error', reject);
          });
          sent.on('error', reject).end(body);
        });
        expect(status).toBe(201);
      };
      const kept = new Agent({ keepAlive: true, maxSockets: 1 });
      const anew = new Agent({ keepAlive: false });
      const endKept = untilTold((number) => add(kept, `kept ${number}`));
      const endAnew = untilTold((number) => add(anew, `anew ${number}`));
      await goThroughVersions(node, built, form);
      const [first, second] = [await endKept(), await endAnew()];
      const notes = (await (await fetch(`http://127.0.0.1:${port}/api/notes`)).json()) as { text: string }[];
      expect(notes.length).toBe(first + second);
      expect(new Set(notes.map(({ text }) => text)).size).toBe(first + second);
      kept.destroy();
      await say(node, 'stop');
    },
  );
});
