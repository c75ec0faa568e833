import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, BuildResult, OnResolveArgs, OnResolveResult, Plugin } from 'esbuild';
import type { Tree } from '../tree.ts';

/** Path relative to `releases/<version>`, with `/` → text. */
type Code = ReadonlyMap<string, string>;

/** Adds `boot.mjs` and its parts to a version's folder. They are the same in every release. */
export async function addBootCode(tree: Tree, folder: string): Promise<void> {
  for (const [name, text] of await bundleBoot())
    tree.set(`${folder}/${name}`, { type: 'text', text, mode: 0o644 });
}

/**
 * Every file that a start reads costs it half a millisecond, so what it needs lies in two: `boot.mjs`, which every
 * command needs, and `boot/start.mjs`. The others are parts of their own, imported when they are asked for; whatever
 * lies in one of those two they import from there. (esbuild's own splitting would make a file for every set of
 * commands that have something in common: twenty for a start.)
 */
async function bundleBoot(): Promise<Code> {
  const main = fileURLToPath(import.meta.resolve('@sarma/boot/main'));
  const run = esbuildIn(main);
  const start = path.join(path.dirname(main), `commands/start${path.extname(main)}`);
  const boot = await bundleWhole(run, 'boot.mjs', main, []);
  const started = await bundleWhole(run, `boot/${partName(start)}.mjs`, start, [boot]);
  const bundles = [boot, started];
  const later = [...new Set(bundles.flatMap((one) => one.later))];
  const parts = await bundleParts(
    run,
    later.filter((module) => !bundles.some(({ modules }) => modules.has(module))),
    bundles,
  );
  // `boot.mjs` is made before it is known what lies in `start.mjs`, and imports it by the name of a part.
  const forwarded = later
    .filter((module) => started.modules.has(module) && module !== start)
    .map((module) => [`boot/${partName(module)}.mjs`, 'export * from "./start.mjs";\n'] as const);
  return new Map([...bundles.map(({ name, text }) => [name, text] as const), ...forwarded, ...parts]);
}

/** A file that holds a module and all that it imports, and exports what any of them does. */
interface Bundle {
  /** Relative to `releases/<version>`. */
  readonly name: string;
  readonly text: string;
  readonly modules: ReadonlySet<string>;
  /** What it imports by `import()`. */
  readonly later: readonly string[];
}

async function bundleWhole(
  run: Esbuild,
  name: string,
  entry: string,
  others: readonly Bundle[],
): Promise<Bundle> {
  const later = new Set<string>();
  const plugins = [withoutStreams, fromBundles(name, others), dynamicImports(name, later)];
  const { metafile, directory } = await run({ entryPoints: [entry], plugins });
  const modules = Object.keys(metafile.inputs)
    .filter((file) => !file.startsWith('sarma-fs:'))
    .map((file) => path.resolve(directory, file));
  const imports = [
    `import ${JSON.stringify(entry)};`,
    ...modules.map((file) => `export * from ${JSON.stringify(file)};`),
  ];
  const stdin = { contents: imports.join('\n'), resolveDir: path.dirname(entry) };
  const banner = { js: others.length === 0 ? OLD_NODE : '' };
  const { outputFiles } = await run({ stdin, plugins, banner });
  return { name, text: outputFiles[0]!.text, modules: new Set(modules), later: [...later] };
}

/** A file for each of the modules, and for what they have in common. */
async function bundleParts(
  run: Esbuild,
  modules: readonly string[],
  bundles: readonly Bundle[],
): Promise<Code> {
  const { outputFiles } = await run({
    entryPoints: modules.map((module) => ({ in: module, out: partName(module) })),
    splitting: true,
    chunkNames: '[name]-[hash]',
    plugins: [fromBundles('boot/', bundles)],
  });
  return new Map(outputFiles.map(({ path: file, text }) => [`boot/${path.basename(file)}`, text]));
}

/** Modules that lie in another file are imported from there. */
function fromBundles(name: string, bundles: readonly Bundle[]): Plugin {
  return onImport(async ({ path: module, pluginData }, resolve) => {
    if (bundles.length === 0 || pluginData === RESOLVING || module.startsWith('node:')) return undefined;
    const file = await resolve();
    const bundle = bundles.find(({ modules }) => modules.has(file));
    return bundle && { path: relative(name, bundle.name), external: true };
  });
}

/** What is imported by `import()` becomes a file of its own. */
function dynamicImports(name: string, later: Set<string>): Plugin {
  return onImport(async ({ path: module, kind, pluginData }, resolve) => {
    if (kind !== 'dynamic-import' || pluginData === RESOLVING || module.startsWith('node:')) return undefined;
    const file = await resolve();
    later.add(file);
    return { path: relative(name, `boot/${partName(file)}.mjs`), external: true };
  });
}

/**
 * An import of node:fs reads all that it exports, and some of that is loaded only when it is read (streams, promises):
 * 3 ms of a start. To ask for the module costs nothing.
 */
const withoutStreams: Plugin = {
  name: 'sarma-fs',
  setup(build) {
    build.onResolve({ filter: /^node:fs$/ }, () => ({ path: 'fs', namespace: 'sarma-fs' }));
    build.onLoad({ filter: /.*/, namespace: 'sarma-fs' }, () => ({ contents: fsModule() }));
  },
};

/**
 * Named one by one, so that a release is the same whatever Node builds it. What the boot imports besides fails the
 * build of every release, and belongs here.
 */
const FS_NAMES = [
  'accessSync',
  'chmodSync',
  'closeSync',
  'constants',
  'copyFileSync',
  'existsSync',
  'fstatSync',
  'linkSync',
  'lstatSync',
  'mkdirSync',
  'openSync',
  'readFileSync',
  'readSync',
  'readdirSync',
  'readlinkSync',
  'realpathSync',
  'renameSync',
  'rmSync',
  'statSync',
  'statfsSync',
  'unlinkSync',
  'writeFileSync',
  'writeSync',
];

function fsModule(): string {
  return `const fs = process.getBuiltinModule('node:fs');\nexport const { ${FS_NAMES.join(', ')} } = fs;\nexport default fs;`;
}

/** `process.getBuiltinModule` is there from Node 20.16 on. */
const OLD_NODE = `if (!process.getBuiltinModule) { console.error('A release of Sarma needs Node 20.16 or newer, and often a certain line (nodeLine in its release.json); this is Node ' + process.versions.node + ', ' + process.execPath + '.'); process.exit(1); }`;

/** Keeps a plugin from being asked about its own question. */
const RESOLVING = Symbol('resolving');

function onImport(
  answer: (args: OnResolveArgs, resolve: () => Promise<string>) => Promise<OnResolveResult | undefined>,
): Plugin {
  return {
    name: 'sarma-boot',
    setup(build) {
      build.onResolve({ filter: /.*/ }, async (args) => {
        const { path: module, importer, kind, resolveDir } = args;
        if (kind === 'entry-point') return undefined;
        const resolve = () => build.resolve(module, { importer, kind, resolveDir, pluginData: RESOLVING });
        return await answer(args, async () => (await resolve()).path);
      });
    },
  };
}

/** From one file of a release to another. */
function relative(from: string, to: string): string {
  const way = path.posix.relative(path.posix.dirname(`${from}_`), to);
  return way.startsWith('.') ? way : `./${way}`;
}

/** `commands/ping.ts` → `ping`; two modules of one name would be an error of esbuild's. */
function partName(module: string): string {
  return path.basename(module, path.extname(module));
}

type Esbuild = (
  options: BuildOptions,
) => Promise<BuildResult<{ write: false; metafile: true }> & { readonly directory: string }>;

/**
 * Runs esbuild in the folder of the boot's main module, since the hashes in names are made of paths relative to it: they
 * must not depend on where a release is built. The names in the code are kept, since people read them in stacks.
 */
function esbuildIn(main: string): Esbuild {
  const directory = path.dirname(main);
  return async (options) => {
    const { build } = await import('esbuild');
    const result = await build({
      ...options,
      absWorkingDir: directory,
      outdir: path.join(directory, 'out'),
      write: false,
      metafile: true,
      bundle: true,
      format: 'esm',
      platform: 'node',
      // An old Node must be able to parse it far enough to say that it is the wrong one.
      target: 'node18',
      outExtension: { '.js': '.mjs' },
      minifySyntax: true,
      minifyWhitespace: true,
      charset: 'utf8',
      legalComments: 'none',
      conditions: ownConditions(main),
      logLevel: 'silent',
    });
    return { ...result, directory };
  };
}

/** Our own packages are sources in the repository, and built where they were installed. */
export function ownConditions(module: string): string[] {
  return module.endsWith('.ts') ? ['@sarma/source'] : [];
}
