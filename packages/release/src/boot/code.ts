import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, Loader, Plugin } from 'esbuild';
import type { Tree } from '../tree.ts';

/** Path relative to `releases/<version>`, with `/` → text. */
type Code = ReadonlyMap<string, string>;

/** Adds `boot.cjs` and its parts to a version's folder; resolves to their texts. They are the same in every release. */
export async function addBootCode(tree: Tree, folder: string): Promise<readonly string[]> {
  const code = await bundleBoot();
  for (const [name, text] of code) tree.set(`${folder}/${name}`, { type: 'text', text, mode: 0o644 });
  return [...code.values()];
}

const BOOT = 'boot.cjs';
const START = 'boot/start.cjs';
const LATER = 'boot/later.cjs';

/** As moduleName() has it. */
const START_MODULE = 'commands/start';

/**
 * Every file that a start reads, and every kilobyte that V8 has to look through, costs it. So what all commands need is
 * `boot.cjs`, what a start needs besides is `boot/start.cjs`, and what is imported by `import()` lies in
 * `boot/later.cjs`, where each module is evaluated when it is asked for. The first two export what the others take from
 * them. CommonJS, since of that the compile cache can hold all that a start has called.
 */
async function bundleBoot(): Promise<Code> {
  const main = fileURLToPath(import.meta.resolve('@sarma/boot/main'));
  const start = path.join(path.dirname(main), `${START_MODULE}${path.extname(main)}`);
  const run = esbuildIn(path.dirname(main), ownConditions(main));
  const boot = await partOf(run, BOOT, main, []);
  const started = await partOf(run, START, start, [boot]);
  const { text: later, modules } = await bundleLater(run, path.dirname(main), [boot, started]);
  const ofStart = namesTaken(started, [later]);
  const startText = await bundlePart(run, started, [boot], modules, ofStart);
  const ofBoot = namesTaken(boot, [startText, later]);
  return new Map([
    [BOOT, `${OLD_NODE}\n${await bundlePart(run, boot, [], modules, ofBoot, SHORT)}`],
    [START, await bundlePart(run, started, [boot], modules, ofStart, SHORT)],
    [LATER, later],
  ]);
}

/** A fifth fewer bytes for a start; in a stack, the lines of the boot are seldom what anybody looks for. */
const SHORT: BuildOptions = { minifyIdentifiers: true };

/** A file of the boot that runs a module. */
interface Part {
  /** Relative to `releases/<version>`. */
  readonly name: string;
  readonly entry: string;
  /** The modules that lie in it, by their absolute paths. */
  readonly modules: ReadonlySet<string>;
  /** What these import by `import()`. */
  readonly later: ReadonlySet<string>;
}

/** A module with all that it imports and that lies in no other part. */
async function partOf(run: Esbuild, name: string, entry: string, others: readonly Part[]): Promise<Part> {
  const { files, later } = await run({ entryPoints: [entry] }, name, others);
  return { name, entry, modules: new Set(files), later };
}

/** The text of a part that exports these names of its modules, and all of those that anybody imports by `import()`. */
async function bundlePart(
  run: Esbuild,
  { name, entry, modules }: Part,
  others: readonly Part[],
  later: ReadonlySet<string>,
  names: readonly string[],
  options: BuildOptions = {},
): Promise<string> {
  const whole = [...modules].filter((file) => file === entry || later.has(file));
  const contents = `${exportAll(whole)}\nexport { ${names.join(', ')} } from '${ALL_MODULES}';`;
  const { text } = await run(
    { ...options, stdin: { contents }, plugins: [virtual(ALL_MODULES, exportAll([...modules]))] },
    name,
    others,
  );
  return text;
}

const exportAll = (files: readonly string[]) =>
  files.map((file) => `export * from ${JSON.stringify(file)};`).join('\n');

/** The text of the file that exports each module which anybody imports by `import()`, and these. */
async function bundleLater(
  run: Esbuild,
  directory: string,
  parts: readonly Part[],
): Promise<{ readonly text: string; readonly modules: ReadonlySet<string> }> {
  for (let modules = new Set(parts.flatMap(({ later }) => [...later])); ; ) {
    const getters = [...modules].map(
      (file) => `get '${moduleName(directory, file)}'() { return require(${JSON.stringify(file)}); },`,
    );
    const contents = `module.exports = {\n${getters.sort().join('\n')}\n};`;
    const { text, later } = await run({ stdin: { contents } }, LATER, parts);
    const all = new Set([...modules, ...later]);
    if (all.size === modules.size) return { text, modules };
    modules = all;
  }
}

/**
 * What texts of esbuild's take from a part: `var import_cookie=require("./start.cjs")` and then `import_cookie.readCookie`. Or
 * they hand on all of it, as for a module that is imported by `import()`. Throws where it is taken in another way.
 */
function namesTaken({ name }: Part, texts: readonly string[]): readonly string[] {
  const file = path.posix.basename(name);
  const required = new RegExp(`(?:(?<!\\$)\\b(\\w+)=|return |=>)?require\\("[./]*${file}"\\)`, 'g');
  const names = texts.flatMap((text) =>
    [...text.matchAll(required)].flatMap(([whole, variable]) => {
      if (whole.startsWith('require')) throw new Error(`${name}: what is taken from it is not seen.`);
      if (variable === undefined) return [];
      const taken = text.matchAll(new RegExp(`\\b${variable}\\.([\\w$]+)`, 'g'));
      return Array.from(taken, ([, one]) => one!);
    }),
  );
  return [...new Set(names)].sort();
}

type Esbuild = (options: BuildOptions, name: string, others: readonly Part[]) => Promise<Built>;

interface Built {
  readonly text: string;
  /** Absolute paths of all that it was made of. */
  readonly files: readonly string[];
  /** Absolute paths of what it imports by `import()`. */
  readonly later: ReadonlySet<string>;
}

/**
 * Runs esbuild in the folder of the boot's main module, for one file of the boot.
 */
function esbuildIn(directory: string, conditions: string[]): Esbuild {
  return async ({ stdin, plugins = [], ...options }, name, others) => {
    const { build } = await import('esbuild');
    const later = new Set<string>();
    const { outputFiles, metafile } = await build({
      ...options,
      ...(stdin && { stdin: { ...stdin, resolveDir: directory } }),
      plugins: [...plugins, fromParts(name, others), requireLater(directory, name, later)],
      absWorkingDir: directory,
      outdir: path.join(directory, 'out'),
      write: false,
      metafile: true,
      bundle: true,
      format: 'cjs',
      platform: 'node',
      // An old Node must be able to parse it far enough to say that it is the wrong one.
      target: 'node18',
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: 'none',
      conditions,
      logLevel: 'silent',
    });
    const files = Object.keys(metafile.inputs).map((file) => path.resolve(directory, file));
    return { text: outputFiles[0]!.text, files, later };
  };
}

/** Modules that lie in another file are required from there. */
function fromParts(name: string, parts: readonly Part[]): Plugin {
  return {
    name: 'sarma-parts',
    setup(build) {
      build.onResolve(
        { filter: /^[./@]/ },
        async ({ path: module, importer, kind, resolveDir, pluginData }) => {
          if (kind === 'entry-point' || pluginData === RESOLVING) return undefined;
          const found = await build.resolve(module, { importer, kind, resolveDir, pluginData: RESOLVING });
          const part = parts.find(({ modules }) => modules.has(found.path));
          return part && { path: relative(name, part.name), external: true };
        },
      );
    },
  };
}

/** Keeps a plugin from being asked about its own question. */
const RESOLVING = Symbol('resolving');

/** `import('./x.ts')` becomes a `require` of the file that x lies in: to Node's `import()`, CommonJS is a detour. */
function requireLater(directory: string, name: string, later: Set<string>): Plugin {
  return {
    name: 'sarma-later',
    setup(build) {
      build.onLoad({ filter: /\.[jt]s$/ }, async ({ path: file }) => {
        const source = await readFile(file, 'utf8');
        const contents = source.replaceAll(DYNAMIC_IMPORT, (_, specifier: string) => {
          const module = path.resolve(path.dirname(file), specifier);
          later.add(module);
          return `Promise.resolve().then(() => ${requireText(name, moduleName(directory, module))})`;
        });
        return { contents, loader: path.extname(file).slice(1) as Loader };
      });
      build.onResolve({ filter: /\.cjs$/ }, ({ path: file }) => ({ path: file, external: true }));
    },
  };
}

const DYNAMIC_IMPORT = /(?<!typeof )\bimport\(["'](\.[^"']+)["']\)/g;

function requireText(from: string, module: string): string {
  if (module === START_MODULE) return `require('${relative(from, START)}')`;
  return `require('${relative(from, LATER)}')['${module}']`;
}

/** Code for a module that is in no file. */
function virtual(module: string, contents: string): Plugin {
  return {
    name: 'sarma-virtual',
    setup(build) {
      const { absWorkingDir: resolveDir = '' } = build.initialOptions;
      build.onResolve({ filter: /^sarma:/ }, () => ({ path: module, namespace: 'sarma' }));
      build.onLoad({ filter: /.*/, namespace: 'sarma' }, () => ({ contents, resolveDir }));
    },
  };
}

const ALL_MODULES = 'sarma:modules';

/** From one file of a release to another. */
function relative(from: string, to: string): string {
  const way = path.posix.relative(path.posix.dirname(`${from}_`), to);
  return way.startsWith('.') ? way : `./${way}`;
}

/** `control/restart`, of a module in the folder. */
function moduleName(directory: string, file: string): string {
  const name = path.relative(directory, file).split(path.sep).join('/');
  return name.slice(0, -path.extname(name).length);
}

/** `process.getBuiltinModule` is there from Node 20.16 on. */
const OLD_NODE = `if (!process.getBuiltinModule) { console.error('A release of Sarma needs Node 20.16 or newer, and often a certain line (nodeLine in its release.json); this is Node ' + process.versions.node + ', ' + process.execPath + '.'); process.exit(1); }`;

/** Our own packages are sources in the repository, and built where they were installed. */
export function ownConditions(module: string): string[] {
  return module.endsWith('.ts') ? ['@sarma/source'] : [];
}
