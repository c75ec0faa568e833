import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand, temporaryDirectory } from './support/run.ts';
import { ask, type Installed, installed, makeService, startNode } from './support/services.ts';

// docs/release.md: whatever form a release has, it answers to the same commands.

const files = {
  'sarma.config.ts': `
    import { defineConfig } from 'sarma';
    export default defineConfig({
      releases: { tick: { steps: ['assemble', 'tar', 'wrap'], wrap: { compression: 'fast' } } },
    });`,
  'application.ts': `
    import { createServer, type Server } from 'node:net';
    import { defineApplication } from '@sarma/app';
    export default defineApplication({
      async start({ config, args }) {
        console.log('started', JSON.stringify(args), config.greeting);
        const server = createServer((socket) => socket.end(String(config.greeting)));
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        return server;
      },
      stop(server: Server) {
        console.log('stopped');
        server.close();
      },
    });
    export let calls = 0;
    export const count = (by: number) => (calls += by);`,
  'config/config.ts': `
    import { env } from '@sarma/app';
    export default { tick: { greeting: env('GREETING', 'string', 'hello'), password: 'xyzzy' } };`,
  'config/runtime.ts': `
    export default ({ env }) => (env.LOUD ? { tick: { greeting: 'HELLO' } } : {});`,
  'commands/greet.ts': `
    import { config, defineCommand } from '@sarma/app';
    export default defineCommand({
      description: 'Print the greeting',
      run: ({ args }) => console.log(config('tick').greeting, ...args),
    });`,
  'rel/hooks/pre_start.sh': '#!/bin/sh\necho "before $RELEASE_NAME $RELEASE_VSN"\n',
};

const forms: Record<string, () => Promise<string>> = {};
let project: string;

beforeAll(async () => {
  project = (await makeService('tick', files)).directory;
  const { exitCode, stdout, stderr } = await runCommand([
    'wrap',
    project,
    '--current',
    '--runtime',
    process.versions.node,
  ]);
  expect(stdout + stderr).toContain('burrito_out/tick_');
  expect(exitCode).toBe(0);
});

const output = async (pattern: RegExp): Promise<string> => {
  const folder = path.join(project, 'burrito_out');
  return path.join(folder, (await readdir(folder)).find((name) => pattern.test(name))!);
};

forms['the assembled directory'] = async () => path.join(project, '_build/prod/rel/tick/bin/tick');
forms['the unpacked tar'] = async () => {
  const directory = await temporaryDirectory();
  await execa('tar', ['-xf', await output(/\.tar\.gz$/), '-C', directory]);
  const inside = (await readdir(directory)).includes('bin') ? '' : 'tick-1.0.0';
  return path.join(directory, inside, 'bin/tick');
};
forms['the executable'] = async () => await output(/^tick_[^.]*$/);

describe.each(Object.entries(forms))('%s', (_name, find) => {
  const own = async (): Promise<Installed> => await installed(await find());

  test('starts, answers, and stops', async () => {
    const one = await own();
    const node = await startNode(one, ['a', 'b c'], { env: { GREETING: 'merhaba' } });
    expect(node.printed()).toContain('before tick 1.0.0');
    expect(node.printed()).toContain('started ["a","b c"] merhaba');
    expect((await ask(one, ['ping'])).stdout).toBe('pong\n');
    expect((await ask(one, ['pid'])).stdout).toBe(`${node.child.pid}\n`);
    expect((await ask(one, ['version'])).stdout).toBe('tick 1.0.0\n');
    expect((await ask(one, ['rpc', '--json', '1 + 1'])).stdout).toBe('2\n');
    // What it becomes when it is upgraded (docs/decisions/0034).
    const launcher = "process.env.RELEASE_ROOT + '/releases/1.0.0/launcher'";
    const canExecute = `(await import('node:fs')).accessSync(${launcher}, 1) === undefined`;
    expect((await ask(one, ['rpc', '--json', canExecute])).stdout).toBe('true\n');
    const call = ['rpc', "(await import('./application.js')).count(20)"];
    expect((await ask(one, call)).stdout).toBe('20\n');
    expect((await ask(one, call)).stdout).toBe('40\n');
    const remote = await ask(one, ['remote'], { input: "(await import('./application.js')).calls\n.exit\n" });
    expect(remote.stdout).toContain('40');
    const stopped = await ask(one, ['stop']);
    expect(stopped.exitCode).toBe(0);
    expect(await node.ended).toEqual({ exitCode: 0, signal: null });
    expect(node.printed()).toContain('stopped');
    expect(await ask(one, ['ping'])).toMatchObject({ exitCode: 1, stdout: 'pang\n' });
  });

  test('runs as a daemon, is restarted in the same process, and leaves its log', async () => {
    const one = await own();
    expect((await ask(one, ['daemon'])).exitCode).toBe(0);
    const { stdout: pid } = await ask(one, ['pid']);
    expect((await ask(one, ['restart'], { env: { LOUD: '1' } })).exitCode).toBe(0);
    expect((await ask(one, ['pid'])).stdout).toBe(pid);
    expect((await ask(one, ['stop'])).exitCode).toBe(0);
    const log = await readFile(path.join(one.state, 'log/tick.log'), 'utf8');
    expect(log.match(/^started \[\] hello$/gm)).toHaveLength(2);
    expect(log.match(/^stopped$/gm)).toHaveLength(2);
  });

  test('evaluates and runs commands of its own with the configuration and nothing started', async () => {
    const one = await own();
    const eval_ = ['eval', "(await import('@sarma/app')).config('tick').greeting"];
    expect((await ask(one, eval_)).stdout).toBe("'hello'\n");
    expect((await ask(one, eval_, { env: { LOUD: '1' } })).stdout).toBe("'HELLO'\n");
    expect((await ask(one, ['greet', 'you'])).stdout).toBe('hello you\n');
    expect(await readdir(one.state)).toEqual([]);
  });

  test('describes itself with what is secret masked', async () => {
    const one = await own();
    const { stdout } = await ask(one, ['config', 'effective']);
    expect(stdout).toContain('greeting');
    expect(stdout).not.toContain('xyzzy');
    expect((await ask(one, ['describe'])).stdout).toMatch(/greet\s+Print the greeting/);
  });

  test('says what is wrong, and what there is', async () => {
    const one = await own();
    const unknown = await ask(one, ['strat']);
    expect(unknown).toMatchObject({ exitCode: 1, stdout: '' });
    expect(unknown.stderr).toContain('start');
    expect((await ask(one, ['help'])).exitCode).toBe(0);
    for (const word of ['eval', 'rpc']) {
      const bare = await ask(one, [word]);
      expect(bare.exitCode).toBe(1);
      expect(bare.stderr).toContain('expects an expression');
    }
    const nobody = await ask(one, ['stop']);
    expect(nobody.exitCode).toBe(1);
    expect(nobody.stderr).toContain('not running');
  });
});
