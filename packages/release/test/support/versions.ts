import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { type FoundVersion, findVersion } from '../../src/appup/index.ts';
import { assemble, loadRelease } from '../../src/index.ts';
import { write } from './project.ts';

type Files = Readonly<Record<string, string | object>>;

/**
 * Versions of a service, assembled once for all tests of a file. store has `codeChange` and imports a package that imports
 * another one; server imports store; metrics has no `codeChange` and imports nothing.
 */
export interface Versions {
  readonly first: FoundVersion;
  /** The innermost package differs. */
  readonly second: FoundVersion;
  /** metrics differs, too. */
  readonly third: FoundVersion;
  /** Node's arguments differ, too. */
  readonly fourth: FoundVersion;
  /** There is another application. */
  readonly fifth: FoundVersion;
}

const made: string[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true });
});

export async function assembleVersions(): Promise<Versions> {
  const top = realpathSync(mkdtempSync(path.join(tmpdir(), 'sarma-versions-')));
  made.push(top);
  const root = path.join(top, 'project');
  write(root, project);
  mkdirSync(path.join(root, 'node_modules'), { recursive: true });
  for (const name of ['store', 'server', 'metrics', 'late'])
    symlinkSync(`../apps/${name}`, path.join(root, 'node_modules', name));
  const version = async (version: string, files: Files): Promise<FoundVersion> => {
    write(root, files);
    const releaseDirectory = path.join(top, version);
    await assemble(await loadRelease({ project: root, version, releaseDirectory }));
    return await findVersion(releaseDirectory, places(root));
  };
  return {
    first: await version('0.1.0', {}),
    second: await version('0.2.0', installed('words', '1.1.0')),
    third: await version('0.3.0', { 'apps/metrics/application.js': 'export default { start: () => 3 };' }),
    fourth: await version('0.4.0', {
      'apps/metrics/application.js': 'export default { start: () => 4 };',
      'rel/vm.args': '--max-old-space-size=100\n',
    }),
    fifth: await version('0.5.0', { 'sarma.config.json': { applications: [...started, 'late'] } }),
  };
}

/** Where `findVersion` looks. */
export function places(root: string) {
  return {
    name: 'kv',
    path: path.join(root, '_build/prod/rel/kv'),
    output: path.join(root, 'out'),
    directory: root,
  };
}

const started = ['store', 'server', 'metrics'];

const project: Files = {
  'package.json': { name: 'kv', private: true, workspaces: ['apps/*'] },
  'sarma.config.json': { applications: started },
  ...application(
    'store',
    "import 'protocol';\nexport default { start() {}, codeChange: (state) => state };",
    {
      protocol: '1',
    },
  ),
  ...application('server', "import 'store';\nexport default { start() {}, codeChange: (state) => state };", {
    store: '*',
  }),
  ...application('metrics', 'export default { start: () => 1 };'),
  ...application('late', 'export default { start() {} };'),
  ...installed('protocol', '1.0.0', { words: '1' }),
  ...installed('words', '1.0.0'),
};

function application(name: string, code: string, dependencies = {}): Files {
  const module = './application.js';
  return {
    [`apps/${name}/package.json`]: {
      name,
      version: '1.0.0',
      type: 'module',
      exports: module,
      sarma: { application: module },
      dependencies,
    },
    [`apps/${name}/application.js`]: code,
  };
}

function installed(
  name: string,
  version: string,
  dependencies: Readonly<Record<string, string>> = {},
): Files {
  const imports = Object.keys(dependencies).map((one) => `require('${one}');\n`);
  return {
    [`node_modules/${name}/package.json`]: { name, version, main: 'index.js', dependencies },
    [`node_modules/${name}/index.js`]: `${imports.join('')}exports.version = '${version}';\n`,
  };
}
