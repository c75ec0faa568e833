import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { project } from './support/project.ts';

// As a user has it: installed from its dist/, in a project that plain Node runs.
const app = fileURLToPath(new URL('..', import.meta.url));

function installed(files: Readonly<Record<string, string>>): string {
  const root = project({ 'package.json': '{"name":"kv","type":"module"}', ...files });
  mkdirSync(path.join(root, 'node_modules/@sarma'), { recursive: true });
  symlinkSync(app, path.join(root, 'node_modules/@sarma/app'), 'dir');
  return root;
}

function run(root: string, file: string, env: Readonly<Record<string, string>> = {}, cwd = root): unknown {
  const options = { cwd, env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' } as const;
  return JSON.parse(execFileSync(process.execPath, [path.join(root, file)], options));
}

describe('config() outside a release', () => {
  const files = {
    'config/config.ts': `
      import { defineConfiguration, env } from '@sarma/app';
      export default defineConfiguration(({ environment }: { environment: string }) => ({
        kv: { port: env('PORT', 'integer', 4040), environment, from: 'config' } }));`,
    'config/test.ts': `export default { kv: { from: 'test' } };`,
    'config/runtime.ts': `export default ({ env, configuration }) => ({ kv: { who: env.WHO ?? null, next: configuration.kv.port + 1 } });`,
    'ask.ts': `import { binPath, config, isRelease, release } from '@sarma/app';
      console.log(JSON.stringify([config('kv'), config('nobody'), isRelease(), release() ?? null, binPath() ?? null]));`,
  };

  test('is that of the project: config.ts, <environment>.ts, runtime.ts', () => {
    const root = installed(files);
    const dev = { port: 4040, environment: 'dev', from: 'config', who: null, next: 4041 };
    expect(run(root, 'ask.ts')).toEqual([dev, {}, false, null, null]);
    const env = { NODE_ENV: 'test', PORT: '1', WHO: 'me' };
    expect(run(root, 'ask.ts', env)).toMatchObject([
      { port: 1, environment: 'test', from: 'test', who: 'me', next: 2 },
      {},
      false,
      null,
      null,
    ]);
    expect(run(root, 'ask.ts', { ...env, SARMA_ENV: 'prod' })).toMatchObject([
      { environment: 'prod', from: 'config' },
      {},
      false,
      null,
      null,
    ]);
  });

  test('is found from a workspace of the project too', () => {
    const root = installed({
      ...files,
      'package.json': '{"type":"module","workspaces":["apps/*"]}',
      'apps/kv/package.json': '{}',
    });
    const [kv] = run(root, 'ask.ts', {}, path.join(root, 'apps/kv')) as [object];
    expect(kv).toMatchObject({ port: 4040 });
  });

  test('is never run from a folder above the project', () => {
    const root = installed({ ...files, 'kv/package.json': '{}' });
    expect(run(root, 'ask.ts', {}, path.join(root, 'kv'))).toEqual([{}, {}, false, null, null]);
  });

  test.runIf(process.getuid?.() === 0)('nor from workspaces of another user', () => {
    const manifest = '{"type":"module","workspaces":["*"]}';
    const root = installed({ ...files, 'package.json': manifest, 'kv/package.json': '{}' });
    chownSync(path.join(root, 'package.json'), 1, 1);
    expect(run(root, 'ask.ts', {}, path.join(root, 'kv'))).toEqual([{}, {}, false, null, null]);
  });

  test('a marker that was written wrong is named', () => {
    const root = installed({
      'config/config.ts': `export default { kv: { port: { $env: null } } };`,
      'ask.ts': `import { config } from '@sarma/app';
        try { config('kv'); } catch (error) { console.log(JSON.stringify(error.message)); }`,
    });
    expect(run(root, 'ask.ts')).toMatch(/^kv\.port is \{"\$env":null\}; expected/);
  });

  test('that takes its time has to be loaded first', () => {
    const root = installed({
      'config/runtime.ts': `export default async () => ({ kv: { port: 1 } });`,
      'early.ts': `import { config } from '@sarma/app';
        try { config('kv'); } catch (error) { console.log(JSON.stringify(error.message)); }`,
      'awaited.ts': `import { config, loadConfiguration } from '@sarma/app';
        await loadConfiguration(); console.log(JSON.stringify(config('kv')));`,
    });
    expect(run(root, 'early.ts')).toMatch(
      /runtime\.ts takes its time: outside a release, await startApplications\(\) or loadConfiguration\(\) first\.$/,
    );
    expect(run(root, 'awaited.ts')).toEqual({ port: 1 });
  });

  test('a project without config/ has none', () => {
    const root = installed({ 'ask.ts': files['ask.ts'] });
    expect(run(root, 'ask.ts')).toEqual([{}, {}, false, null, null]);
  });
});

describe('startApplications', () => {
  const application = (name: string, extra = '') => `
    import { defineApplication } from '@sarma/app';
    export default defineApplication({
      async start({ config, args, release, signal, exit }) {
        globalThis.events ??= [];
        globalThis.events.push('${name} starts');
        signal.addEventListener('abort', () => globalThis.events.push('${name} is told'));
        ${extra}
        return { name: '${name}', config, args, release: release ?? null };
      },
      async stop(state) { globalThis.events.push(state.name + ' stopped'); },
    });`;
  const manifest = (name: string, dependencies: readonly string[] = []) =>
    JSON.stringify({
      name,
      type: 'module',
      sarma: { application: './application.ts' },
      dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, '*'])),
    });

  function umbrella(extra = ''): string {
    const root = installed({
      'package.json': manifest('web', ['store', '@sarma/app']),
      'application.ts': application('web', extra),
      'apps/store/package.json': manifest('store', ['base']),
      'apps/store/application.ts': application('store'),
      'apps/base/package.json': manifest('base'),
      'apps/base/application.ts': application('base'),
      'config/config.ts': `export default { web: { port: 1, host: 'h' } };`,
      'start.ts': `
        import { config, startApplications } from '@sarma/app';
        const applications = await startApplications({ config: { web: { port: 0 } }, args: ['x'] });
        const seen = [applications.state('web'), config('web'), applications.ended];
        await applications.stop();
        console.log(JSON.stringify([...seen, globalThis.events]));`,
      'one.ts': `
        import { startApplications } from '@sarma/app';
        const applications = await startApplications({ applications: ['store'] });
        await applications.stop();
        console.log(JSON.stringify(globalThis.events));`,
      'fail.ts': `
        import { startApplications } from '@sarma/app';
        const error = await startApplications().catch((error) => error);
        console.log(JSON.stringify([error.message, globalThis.events]));`,
      'unknown.ts': `
        import { startApplications } from '@sarma/app';
        const error = await startApplications({ applications: ['sotre'] }).catch((error) => error);
        console.log(JSON.stringify(error.message));`,
    });
    for (const name of ['store', 'base'])
      symlinkSync(`../apps/${name}`, path.join(root, 'node_modules', name), 'dir');
    return root;
  }

  test('starts what the project depends on first, with the given configuration over its own, and stops in reverse', () => {
    expect(run(umbrella(`exit('done');`), 'start.ts')).toEqual([
      { name: 'web', config: { port: 0, host: 'h' }, args: ['x'], release: null },
      { port: 0, host: 'h' },
      [{ application: 'web', reason: 'done' }],
      [
        'base starts',
        'store starts',
        'web starts',
        'web is told',
        'web stopped',
        'store is told',
        'store stopped',
        'base is told',
        'base stopped',
      ],
    ]);
  });

  test('also what a plain package between them needs, wherever pnpm keeps it, and what is optional', () => {
    const root = umbrella();
    const store = path.join(root, 'node_modules/.pnpm/plain@1/node_modules');
    mkdirSync(path.join(store, 'plain'), { recursive: true });
    writeFileSync(
      path.join(store, 'plain/package.json'),
      '{"name":"plain","optionalDependencies":{"store":"*","absent":"*"}}',
    );
    rmSync(path.join(root, 'node_modules/store'));
    symlinkSync('../../../../apps/store', path.join(store, 'store'), 'dir');
    symlinkSync('.pnpm/plain@1/node_modules/plain', path.join(root, 'node_modules/plain'), 'dir');
    writeFileSync(path.join(root, 'package.json'), manifest('web', ['plain', '@sarma/app']));
    const [, , , events] = run(root, 'start.ts') as [unknown, unknown, unknown, readonly string[]];
    expect(events.slice(0, 3)).toEqual(['base starts', 'store starts', 'web starts']);
  });

  test('only those that are named and what they need', () => {
    expect(run(umbrella(), 'one.ts')).toEqual([
      'base starts',
      'store starts',
      'store is told',
      'store stopped',
      'base is told',
      'base stopped',
    ]);
  });

  test('one that cannot start stops the others', () => {
    expect(run(umbrella(`throw new Error('no port');`), 'fail.ts')).toEqual([
      'no port',
      [
        'base starts',
        'store starts',
        'web starts',
        'web is told',
        'store is told',
        'store stopped',
        'base is told',
        'base stopped',
      ],
    ]);
  });

  test('an unknown one is refused with those that are known', () => {
    expect(run(umbrella(), 'unknown.ts')).toMatch(
      /^There is no application sotre: known are base, store, web \(looked from /,
    );
  });
});
