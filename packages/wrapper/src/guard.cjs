'use strict';
// Loaded with `--import` by the stub when the install lies below a directory that others can write to, such as /tmp, and
// when the runtime is executed from memory.
// Node looks for packages in `node_modules` of every ancestor, and anybody could have planted one there.
// Refused is what a module of the install asks for by a bare name and finds outside the install. What a program
// loads by a path (the user's configuration, a plugin of the user's project) is its own business.

const { Module } = require('node:module');
const path = require('node:path');
const { fileURLToPath } = require('node:url');

// The stub's last resort: the runtime is a file in memory alone, and what Node takes for its path is none.
if (process.execPath.startsWith('/memfd:')) {
  process.execPath = `/proc/${process.pid}/exe`;
  process.argv[0] = process.execPath;
}

const root = path.resolve(__dirname, '..', '..') + path.sep;
const inside = (file) => file.startsWith(root);
const bare = (name) => !/^(\.{1,2}(\/|$)|\/|[a-z]+:|[A-Za-z]:[\\/])/.test(name);

function refuse(name, parent, code) {
  const error = new Error(`Cannot find package '${name}' imported from ${parent}`);
  error.code = code;
  throw error;
}

function fileOf(url) {
  return typeof url === 'string' && url.startsWith('file:') ? fileURLToPath(url) : '';
}

if (typeof Module.registerHooks === 'function') {
  Module.registerHooks({
    resolve(name, context, next) {
      const found = next(name, context);
      const parent = fileOf(context.parentURL);
      const file = fileOf(found.url);
      if (file !== '' && inside(parent) && bare(name) && !inside(file)) {
        refuse(
          name,
          parent,
          context.conditions.includes('import') ? 'ERR_MODULE_NOT_FOUND' : 'MODULE_NOT_FOUND',
        );
      }
      return found;
    },
  });
} else {
  // Node before 22.15 has no synchronous hooks; CommonJS is what can be guarded there.
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (name, parent, ...rest) {
    const file = resolve.call(this, name, parent, ...rest);
    const from = parent?.filename ?? '';
    if (path.isAbsolute(file) && inside(from) && bare(name) && !inside(file))
      refuse(name, from, 'MODULE_NOT_FOUND');
    return file;
  };
}
