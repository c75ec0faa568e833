'use strict';
// Loaded with `-r` by programs of so many directories that not every run looks whether all are whole. A run that ends
// badly may have missed a file: the time of the install's marker is set back, so that the next run looks at once.

const { utimesSync } = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const base = path.resolve(root, '../..');

// `process.execArgv`, and so forks, are what they would be without this.
const at = process.execArgv.indexOf(__filename);
if (at > 0) process.execArgv.splice(at - 1, 2);
delete require.cache[__filename];

process.on('exit', (code) => {
  // An install that was prepared (`maintenance extract`) is never written to. Its base is called like the release's id.
  if (code === 0 || root.endsWith(`-${path.basename(base)}`)) return;
  try {
    utimesSync(path.join(root, '.sarma/marker'), 0, 0);
  } catch {
    // Who cannot write there cannot repair it either.
  }
});
