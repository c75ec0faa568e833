'use strict';
// Executed by the target's runtime while an executable is made, with --expose-internals: fills Node's compile cache for the
// modules of a release. The one argument is JSON, `Task` of seed.ts.
//
// V8 compiles a function when it is first called, and Node makes a module's code cache before that. But V8 also keeps what it
// has compiled of a source and gives it to whoever compiles the same source, under the same name, again. So what is
// compiled at the end of a trial run has all functions in it that the run needed.

/** Modules of Node's own. */
const internal = (name) => require(`internal/${name}`);

const { internalBinding } = internal('test/binding');
const { compileSourceTextModule } = internal('modules/esm/utils');
const { defaultResolve } = internal('modules/esm/resolve');
const { getOrInitializeCascadedLoader } = internal('modules/esm/loader');
const { getPackageType } = internal('modules/package_json_reader');
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');

const { compileFunctionForCJSLoader } = internalBinding('contextify');
const { root, roots, trial } = JSON.parse(process.argv[2]);
const { enableCompileCache } = Module;

const REQUIRED = /\brequire(?:\.resolve)?\s*\(\s*(?:'([^'\n]+)'|"([^"\n]+)")/g;
const IMPORTED = /\b(?:from|import)\s*\(?\s*(?:'([^'\n]+)'|"([^"\n]+)")/g;

if (trial === null) fill([]);
else tryRun();

/** The program as it will be started, but that what it compiles is kept when it ends. */
function tryRun() {
  // What a program switches on by itself would be made before its functions are.
  Module.enableCompileCache = () => ({ status: Module.constants.compileCacheStatus.DISABLED });
  Module.syncBuiltinESMExports();
  process.on('exit', () => fill(loaded()));
  process.chdir(trial.directory);
  process.argv.splice(1, 2, path.join(root, trial.entry), ...trial.arguments);
  delete require.cache[__filename];
  Module.runMain();
}

function loaded() {
  const urls = [...getOrInitializeCascadedLoader().loadCache.keys()].filter((url) => url.startsWith('file:'));
  return [...Object.keys(require.cache), ...urls.map((url) => fileURLToPath(url))];
}

/** Compiles all modules that the roots lead to, and the `known` ones. None is evaluated. */
function fill(known) {
  enableCompileCache({ directory: path.join(root, '.sarma/compile-cache'), portable: true });
  const files = new Set([...roots.map((one) => path.join(root, one)), ...known].filter(isOwn));
  for (const file of files) {
    // Without the mark of UTF-8, as Node's loader.
    const source = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
    compile(file, source);
    for (const found of reached(file, source)) if (isOwn(found)) files.add(found);
  }
}

function isOwn(file) {
  return file.startsWith(root + path.sep) && /\.[cm]?js$/.test(file);
}

/** A source that cannot be compiled says so when the program needs it. */
function compile(file, source) {
  const url = pathToFileURL(file).href;
  const extension = path.extname(file);
  const isModule = extension === '.mjs' || (extension === '.js' && getPackageType(url) === 'module');
  try {
    // As in Node's loader, which looks for the syntax of modules where no package says the type.
    const { canParseAsESM } = isModule
      ? { canParseAsESM: true }
      : compileFunctionForCJSLoader(
          source,
          file,
          false,
          extension === '.js' && getPackageType(url) === 'none',
        );
    if (canParseAsESM) compileSourceTextModule(url, source, {});
  } catch {}
}

/** The files that a source names. What looks like a name and is none leads nowhere. */
function reached(file, source) {
  const parentURL = pathToFileURL(file).href;
  const { resolve } = Module.createRequire(file);
  return [
    ...named(source, REQUIRED, resolve),
    ...named(source, IMPORTED, (name) => fileURLToPath(defaultResolve(name, { parentURL }).url)),
  ];
}

function named(source, pattern, resolve) {
  return Array.from(source.matchAll(pattern), ([, single, double]) => {
    try {
      return resolve(single ?? double);
    } catch {
      return '';
    }
  });
}
