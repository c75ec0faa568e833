'use strict';
const { existsSync } = require('node:fs');
const { enableCompileCache, registerHooks } = require('node:module');
const { homedir } = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

/**
 * Runs the command line: `dist/` of a published package, `src/` of a checkout, which Node runs as it is. There the
 * packages of the workspace are to resolve to their `src/` too; a condition in the shebang would do so as well, but
 * would also apply to published packages (which have no `src/`) and needs an `env` that knows `-S`.
 */
module.exports = async function start(program) {
  enableCompileCache(path.join(buildCache(process.env), 'code'));
  const source = path.join(__dirname, '../src/main.ts');
  const isCheckout = existsSync(source);
  if (isCheckout) {
    if (!process.features.typescript) {
      console.error(
        `A checkout of Sarma runs its TypeScript as it is; Node ${process.version} does not: use 22.18 or newer.`,
      );
      process.exit(1);
    }
    registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...context.conditions, '@sarma/source'] }),
    });
  }
  const file = isCheckout ? source : path.join(__dirname, '../dist/main.js');
  const { main } = await import(pathToFileURL(file).href);
  process.exitCode = await main(program, process.argv.slice(2));
};

/**
 * Where the wrapper keeps its build cache, too (its `build-cache.ts` has the same rules). Code that V8 has compiled once
 * lies there, which halves the start of every later run; Node's default, a folder in /tmp, is open to others.
 */
function buildCache(env) {
  if (env.SARMA_BUILD_CACHE) return path.resolve(env.SARMA_BUILD_CACHE);
  if (env.XDG_CACHE_HOME) return path.join(env.XDG_CACHE_HOME, 'sarma-build');
  if (process.platform === 'win32' && env.LOCALAPPDATA) return path.join(env.LOCALAPPDATA, 'sarma-build');
  const caches = process.platform === 'darwin' ? ['Library', 'Caches'] : ['.cache'];
  return path.join(env.HOME || homedir(), ...caches, 'sarma-build');
}
