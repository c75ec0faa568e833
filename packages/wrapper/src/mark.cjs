'use strict';
// What Node executes of programs with so many directories that not every run looks whether all are whole; it hands over to the
// program's own entry. A run that ends badly may have missed a file: the marker's time is set back by the day after which the
// next run looks again. Not a preload: Node lets the working directory answer for `-r`, and `--import` shows.

const { utimesSync } = require('node:fs');
const { Module } = require('node:module');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const base = path.resolve(root, '../..');
const DAY = 24 * 60 * 60;

process.on('exit', (code) => {
  // An install that was prepared (`maintenance extract`) is never written to. Its base is called like the release's id.
  if (code === 0 || root.endsWith(`-${path.basename(base)}`)) return;
  try {
    const time = Date.now() / 1000 - DAY;
    utimesSync(path.join(root, '.sarma/marker'), time, time);
  } catch {
    // Who cannot write there cannot repair it either.
  }
});

delete require.cache[__filename];
process.argv.splice(1, 1);
Module.runMain();
