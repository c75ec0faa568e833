'use strict';
// Loaded with `--import` by the stub where a package could be found outside the install: below a directory that others can
// write to, such as /tmp, and where there is a `node_modules` above the install; also when the runtime is executed from memory.
// Node looks for packages in `node_modules` of every ancestor and, for `require`, in folders of HOME. A module of the
// install gets none from there. NODE_PATH stays, since the user set it; what a program loads by a path (the user's
// configuration, a plugin of the user's project) is its own business.

const { Module } = require('node:module');
const path = require('node:path');
const { fileURLToPath } = require('node:url');

// The stub's last resort: the runtime is a file in memory alone, and what Node takes for its path is none.
if (process.execPath.startsWith('/memfd:')) {
  process.execPath = `/proc/${process.pid}/exe`;
  process.argv[0] = process.execPath;
}

const root = path.resolve(__dirname, '..', '..') + path.sep;
const inside = (file) => typeof file === 'string' && file.startsWith(root);

// `require`: Node itself says what it did not find.
const named = new Set((process.env.NODE_PATH ?? '').split(path.delimiter));
const outside = new Set(
  [...Module._nodeModulePaths(path.dirname(root)), ...Module.globalPaths].filter(
    (folder) => !named.has(folder),
  ),
);
const lookupPaths = Module._resolveLookupPaths;
Module._resolveLookupPaths = (name, parent) => {
  const folders = lookupPaths(name, parent);
  return folders && inside(parent?.filename) ? folders.filter((folder) => !outside.has(folder)) : folders;
};

// `import`, and `#names` that stand for packages. Node before 22.15 has no synchronous hooks.
const fileOf = (url) => (url?.startsWith('file:') ? fileURLToPath(url) : undefined);
const bare = (name) => !/^(\.{1,2}(\/|$)|\/|[a-z]+:|[A-Za-z]:[\\/])/.test(name);
Module.registerHooks?.({
  resolve(name, context, next) {
    const found = next(name, context);
    const imports = context.conditions.includes('import');
    if (!bare(name) || !(imports || name.startsWith('#'))) return found;
    const file = fileOf(found.url);
    const parent = fileOf(context.parentURL);
    if (!file || inside(file) || !inside(parent)) return found;
    const wanted = imports
      ? `package '${/^(@[^/]+\/)?[^/]+/.exec(name)[0]}' imported from ${parent}`
      : `module '${name}'`;
    const error = new Error(`Cannot find ${wanted}`);
    throw Object.assign(error, { code: imports ? 'ERR_MODULE_NOT_FOUND' : 'MODULE_NOT_FOUND' });
  },
});
