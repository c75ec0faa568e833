'use strict';
// What Node executes of programs that have something to gain from it, in place of their entry, to which it hands over. Not a
// preload: Node lets the working directory answer for `-r`, and `--import` shows.

/** Written in when it is put into a release; what each means is in start.ts. */
const DUTIES = { cache: true, mark: true };

const { utimesSync } = require('node:fs');
const { Module } = require('node:module');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
// By `maintenance extract`: such a base is called like the release's id.
const isPrepared = root.endsWith(`-${path.basename(path.resolve(root, '../..'))}`);

if (DUTIES.mark && !isPrepared) process.on('exit', askForLook);
if (DUTIES.cache) {
  const { use, learnAtEnd } = require('./compile-cache.cjs');
  if (use()) learnAtEnd();
}

delete require.cache[__filename];
process.argv.splice(1, 1);
Module.runMain();

/** A run that ends badly may have missed a file: the marker's time is set back by the day after which the next run looks again. */
function askForLook(code) {
  if (code === 0) return;
  try {
    const time = Date.now() / 1000 - 24 * 60 * 60;
    utimesSync(path.join(root, '.sarma/marker'), time, time);
  } catch {
    // Who cannot write there cannot repair it either.
  }
}
