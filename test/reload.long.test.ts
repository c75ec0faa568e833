import { once } from 'node:events';
import { cp, readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand, temporaryDirectory } from './support/run.ts';
import {
  ask,
  type Foreground,
  type Installed,
  installed,
  makeService,
  say,
  startNode,
} from './support/services.ts';

// docs/guide/3-services.md, "New code without a restart": what packages/boot/test/reload.test.ts shows by hand, with
// releases as they are made.

/** A service that answers each line with its version and a count that lies in a package of its own. */
function filesOf(version: string) {
  return {
    'sarma.config.ts': `
      import { defineConfig } from 'sarma';
      export default defineConfig({
        releases: { turn: { version: '${version}', steps: ['assemble', 'tar', 'wrap'], wrap: { compression: 'fast' } } },
      });`,
    'application.ts': `
      import { createServer, type Server, type Socket } from 'node:net';
      import { defineApplication, release } from '@sarma/app';
      import { count } from 'tally';
      interface State { readonly server: Server; readonly sockets: Set<Socket> }
      const answer = (socket: Socket) =>
        void socket.on('data', () => socket.write(\`${version} \${release()?.version} \${count()}\\n\`));
      const accept = ({ server, sockets }: State) =>
        server.removeAllListeners('connection').on('connection', (socket) => {
          sockets.add(socket);
          answer(socket);
        });
      export default defineApplication<State>({
        async start() {
          const state = { server: createServer(), sockets: new Set<Socket>() };
          accept(state);
          await new Promise<void>((resolve) => state.server.listen(0, '127.0.0.1', resolve));
          console.log('port', (state.server.address() as { port: number }).port);
          return state;
        },
        stop({ server, sockets }) {
          for (const socket of sockets) socket.destroy();
          server.close();
        },
        codeChange(state, { step, onExchange }) {
          if (step === 'enter')
            onExchange(() => {
              for (const socket of state.sockets) answer(socket.removeAllListeners('data'));
              accept(state);
            });
          return state;
        },
      });`,
    'tally/package.json': JSON.stringify({
      name: 'tally',
      version: '1.0.0',
      type: 'module',
      main: './index.ts',
    }),
    'tally/index.ts': 'let number = 0;\nexport const count = (): number => ++number;\n',
    'rel/hooks/post_upgrade.sh': '#!/bin/sh\necho "after $RELEASE_UPGRADE_FROM: $RELEASE_VSN"\n',
  };
}

const projects = new Map<string, string>();

beforeAll(async () => {
  for (const version of ['1.0.0', '2.0.0']) {
    const service = await makeService('turn', filesOf(version), {
      workspaces: ['tally'],
      dependencies: { tally: '*' },
    });
    const wrapping = ['wrap', service.directory, '--current', '--runtime', process.versions.node];
    const { exitCode, stdout, stderr } = await runCommand(wrapping);
    expect(exitCode, stdout + stderr).toBe(0);
    projects.set(version, service.directory);
  }
});

async function output(version: string, pattern: RegExp): Promise<string> {
  const folder = path.join(projects.get(version)!, 'burrito_out');
  return path.join(folder, (await readdir(folder)).find((name) => pattern.test(name))!);
}

interface Form {
  readonly start: () => Promise<Installed>;
  /** What it is reloaded to. */
  readonly second: () => Promise<string>;
}

const forms: Readonly<Record<string, Form>> = {
  'an assembled directory takes the tar of the next version': {
    async start() {
      const directory = path.join(await temporaryDirectory(), 'turn');
      await cp(path.join(projects.get('1.0.0')!, '_build/prod/rel/turn'), directory, {
        recursive: true,
        verbatimSymlinks: true,
      });
      return await installed(path.join(directory, 'bin/turn'));
    },
    second: () => output('2.0.0', /\.tar\.gz$/),
  },
  'an executable takes the next executable': {
    async start() {
      const file = path.join(await temporaryDirectory(), 'turn');
      await cp(await output('1.0.0', /^turn_[^.]*$/), file);
      return await installed(file);
    },
    second: () => output('2.0.0', /^turn_[^.]*$/),
  },
};

describe.each(Object.entries(forms))('%s', (_, form) => {
  test('while its connections stay open, up and down, and what is unchanged keeps what it holds', async () => {
    const service = await form.start();
    const node = await startNode(service);
    const client = connect(await portOf(node), '127.0.0.1');
    expect(await asked(client)).toBe('1.0.0 1.0.0 1');

    const second = await form.second();
    const planned = await say(service, 'reload', '--dry-run', second);
    expect(planned).toContain(
      '2.0.0 can be loaded into 1.0.0.\nPackages that differ:\n  turn\nApplications:',
    );
    expect(planned).toContain('turn 1.0.0: new code, with its state');
    expect(await asked(client)).toBe('1.0.0 1.0.0 2');

    const reloaded = await say(service, 'reload', second);
    expect(reloaded).toMatch(
      /^turn runs 2\.0\.0 \(before: 1\.0\.0\)\.\n {2}turn 1\.0\.0: new code, with its state\n {2}1 module, \d kB; the heap /,
    );
    expect(await asked(client)).toBe('2.0.0 2.0.0 3');
    await expect.poll(node.printed).toContain('after 1.0.0: 2.0.0');
    const { running } = JSON.parse(await say(service, 'describe', '--json'));
    expect(running).toMatchObject({
      pid: node.child.pid,
      version: '2.0.0',
      versions: ['1.0.0', '2.0.0'],
      isProvisional: false,
    });
    expect(await say(service, 'versions')).toMatch(/2\.0\.0 .*permanent, turn runs/);
    const removing = await ask(service, ['remove', '1.0.0']);
    expect(removing).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('1.0.0 stays') });

    expect(await say(service, 'reload', '1.0.0')).toContain('its modules were there already');
    expect(await asked(client)).toBe('1.0.0 1.0.0 4');

    await say(service, 'reload', '--no-permanent', '2.0.0');
    expect(await asked(client)).toBe('2.0.0 2.0.0 5');
    expect(await say(service, 'describe')).toMatch(/Running +PID \d+, version 2\.0\.0, provisional,/);
    client.destroy();
    await say(service, 'stop');
  });
});

async function portOf(node: Foreground): Promise<number> {
  await expect.poll(node.printed).toMatch(/port \d+/);
  return Number(/port (\d+)/.exec(node.printed())![1]);
}

async function asked(socket: Socket): Promise<string> {
  socket.write('?');
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString().trim();
}
