import { expect, test } from 'vitest';
import type { AssembledRelease } from '../src/assembled-release.ts';
import { withSeed } from '../src/compile-cache/seed.ts';
import type { WrapEvent } from '../src/index.ts';
import type { Runtime } from '../src/runtimes/runtime.ts';
import { hostMachine, type Target } from '../src/targets.ts';
import type { Tree } from '../src/tree.ts';

const TREE: Tree = { directories: [], files: [], links: [] };
const HERE = { name: 'here', ...hostMachine() } as Target;

/** What filling its compile cache adds and tells. Of the runtime nothing is there to be executed. */
async function fill({
  target = HERE,
  version = '24.12.0',
  kind = 'cli',
  build = true as boolean | readonly string[],
} = {}) {
  const events: WrapEvent[] = [];
  const wrap = { compileCache: { children: false, build } };
  const release = { name: 'app', version: '1.0.0', kind, entries: {}, wrap } as unknown as AssembledRelease;
  const runtime = { version, file: '/nowhere' } as Runtime;
  const tree = await withSeed(
    TREE,
    { release, target, runtime },
    { project: '/nowhere', signal: undefined },
    (event) => events.push(event),
  );
  return { tree, messages: events.map((event) => ('message' in event ? event.message : '')) };
}

test('nothing is compiled while wrapping where nobody asked for it', async () => {
  expect(await fill({ build: false })).toEqual({ tree: TREE, messages: [] });
});

test('for another target than that of this machine its first run fills the compile cache, which is said', async () => {
  const os = HERE.os === 'win' ? 'linux' : 'win';
  const { tree, messages } = await fill({ target: { ...HERE, os } });
  expect(tree).toBe(TREE);
  expect(messages).toEqual([expect.stringMatching(/^the compile cache is filled by the first run/)]);
});

test.each(['22.21.0', '24.11.1', '25.0.0'])(
  'a runtime of %s takes no cache that was made elsewhere',
  async (version) => {
    await expect(fill({ version })).rejects.toMatchObject({ code: 'COMPILE_CACHE_RUNTIME' });
  },
);

test.each(['24.12.0', '25.1.0', '26.0.0'])('one of %s does', async (version) => {
  await expect(fill({ version })).rejects.toMatchObject({ code: 'ENOENT', path: '/nowhere' });
});

test('a service is not run to fill it', async () => {
  await expect(fill({ kind: 'service', build: ['start'] })).rejects.toMatchObject({
    code: 'COMPILE_CACHE_TRIAL',
  });
});
