'use strict';
const { existsSync } = require('node:fs');
const { registerHooks } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

/**
 * Runs the command line: `dist/` of a published package, `src/` of a checkout, which Node runs as it is. There the
 * packages of the workspace are to resolve to their `src/` too; a condition in the shebang would do so as well, but
 * would also apply to published packages (which have no `src/`) and needs an `env` that knows `-S`.
 */
module.exports = async function start(program) {
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
