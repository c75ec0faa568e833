import { expect, test } from 'vitest';
import { loadRelease } from '../src/index.ts';
import { project, release, run, text } from './support/project.ts';

const installed = (name: string, dependencies = {}) => ({
  [`node_modules/${name}/package.json`]: { name, version: '1.0.0', main: 'index.js', dependencies },
  [`node_modules/${name}/index.js`]: `module.exports = '${name}';`,
});

/** It needs one package, does without another one, and both need a third. */
const files = {
  'package.json': {
    name: 'app',
    version: '1.0.0',
    main: 'main.js',
    dependencies: { needed: '1', spared: '1' },
  },
  'main.js': `let spared = 'no spared';
    try { spared = require('spared'); } catch {}
    console.log(require('needed'), spared);`,
  ...installed('needed', { shared: '1' }),
  ...installed('spared', { shared: '1', inner: '1' }),
  ...installed('shared'),
  ...installed('inner'),
};

const configured = (excludePackages: readonly string[], more = {}) =>
  project({ ...files, 'sarma.config.json': { excludePackages, ...more } });

test.each(['copy', 'bundle'])(
  'excludePackages leaves a package out with what only it needs, also with code: %s',
  async (code) => {
    const root = configured(['spared'], { code });
    const assembled = await release(root);
    expect(assembled.warnings).toEqual([]);
    const released = JSON.parse(text(assembled, 'releases/1.0.0/release.json'));
    const names = [...released.packages, ...(released.bundled ?? [])].map(({ name }) => name);
    expect(names.sort()).toEqual(code === 'copy' ? ['app', 'needed', 'shared'] : ['app', 'needed']);
    expect(run(root, assembled)).toBe('needed no spared\n');
  },
);

test('a name that nothing depends on is said to be none', async () => {
  expect((await release(configured(['spraed']))).warnings).toEqual([
    'excludePackages names spraed, which no package of the release app depends on. Did you mean "spared"?',
  ]);
});

test('one of the applications cannot be excluded', async () => {
  const root = project({
    'package.json': { name: 'app', workspaces: ['apps/*'] },
    'apps/kv/package.json': { name: 'kv', version: '1.0.0', sarma: { application: './a.js' } },
    'apps/kv/a.js': 'module.exports = {};',
    'sarma.config.json': { applications: ['kv'], excludePackages: ['kv'] },
  });
  await expect(release(root)).rejects.toThrow(
    /sarma\.config\.json: kv is one of the applications and one of excludePackages; expected one of the two\. .* mode "none"/,
  );
});

test('who looks for the modes of relx is told that they are environments', async () => {
  const load = (mode: string) =>
    loadRelease({ project: project({ ...files, 'sarma.config.json': { mode } }) });
  await expect(load('minimal')).rejects.toThrow(
    /mode: expected one of "embedded", "interactive", found "minimal"; what relx calls a mode is an environment here: environments: \{ minimal: … \}/,
  );
  await expect(load('embeded')).rejects.toThrow(/found "embeded"; did you mean "embedded"\?/);
});
