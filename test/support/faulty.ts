import type { Program } from './programs.ts';
import { makeService } from './services.ts';

/**
 * A service that fails where it is told to: three applications, `faulty` on top of `store` and `extra`, each of another
 * mode; a config provider, required variables, a port and hooks. What goes wrong is said by the environment.
 */
export async function faultyService(): Promise<Program> {
  return await makeService('faulty', FILES, {
    workspaces: ['apps/*'],
    dependencies: { store: '*', extra: '*' },
  });
}

/** What it needs to start at all. */
export const SETTINGS = { FAULTY_KEY: 'key', FAULTY_HOST: 'localhost' };

/** Says when it starts and stops, how it is asked for; `rpc "end.store('reason')"` ends it. */
const application = (name: string) => `
  import { once } from 'node:events';
  import { createServer } from 'node:net';
  import { setTimeout as wait } from 'node:timers/promises';
  import { defineApplication } from '@sarma/app';
  export default defineApplication({
    async start({ config, exit }) {
      Object.assign(((globalThis as any).end ??= {}), { ${name}: exit });
      const server = createServer();
      if ('${name}' === process.env.LISTENS)
        await once(server.listen(Number(process.env.PORT), '127.0.0.1'), 'listening');
      console.log('${name} started', JSON.stringify(config));
      return server;
    },
    async stop(server) {
      server.close();
      if ('${name}' === process.env.LINGERS) await wait(60_000);
      console.log('${name} stopped');
    },
  });`;

const manifest = (name: string) =>
  JSON.stringify({
    name,
    version: '1.0.0',
    type: 'module',
    exports: './late.ts',
    sarma: { application: './application.ts' },
    dependencies: { '@sarma/app': '*' },
  });

const hook = (name: string) => `#!/bin/sh
echo "hook ${name} $RELEASE_NODE"
[ "$HOOK_FAILS" != ${name} ]
`;

const FILES = {
  'sarma.config.ts': `
    import { execFileSync } from 'node:child_process';
    import { defineConfig } from 'sarma';
    /** A node runs in the assembled directory before that is packed, as one would to see whether it starts. */
    function tryIt(release) {
      for (const command of process.env.TRY_IT ? ['daemon', 'stop'] : [])
        execFileSync(release.path + '/bin/faulty', [command], { stdio: 'ignore' });
      return release;
    }
    export default defineConfig({
      environments: { prod: {}, host: { runtime: { include: false }, steps: ['assemble'] } },
      releases: {
        faulty: {
          applications: { faulty: 'permanent', store: 'transient', extra: 'temporary' },
          steps: ['assemble', tryIt, 'tar', 'wrap'],
          configProviders: [{ module: './config/vault.ts', options: { path: 'secret/faulty' } }],
          requiredEnv: ['FAULTY_KEY', ['FAULTY_URL', 'FAULTY_HOST']],
          shutdownTimeout: 1000,
          wrap: { keep: 1, compression: 'fast' },
        },
      },
    });`,
  'config/config.ts': `export default { faulty: { from: 'config' } };`,
  'config/vault.ts': `
    export default {
      init: (options: object) => options,
      load(_configuration: object, { path }: { path: string }) {
        if (process.env.VAULT === 'sealed') throw new Error('the vault is sealed: ' + path);
        return { faulty: { from: 'vault' } };
      },
    };`,
  'application.ts': application('faulty'),
  'apps/store/package.json': manifest('store'),
  'apps/store/application.ts': application('store'),
  'apps/store/late.ts': `export const late = 'imported late';`,
  'apps/extra/package.json': manifest('extra'),
  'apps/extra/application.ts': application('extra'),
  'apps/extra/late.ts': '',
  ...Object.fromEntries(
    ['configure', 'start', 'stop'].flatMap((what) =>
      ['pre', 'post'].map((when) => [`rel/hooks/${when}_${what}.sh`, hook(`${when}_${what}`)]),
    ),
  ),
};
