'use strict';
// What Node executes of programs that have something to gain from it, in place of their entry, to which it hands over. Not a
// preload: Node lets the working directory answer for `-r`, and `--import` shows.

/** Written in when it is put into a release; what each means is in start.ts. */
const DUTIES = { cache: true, children: false, mark: true };

const { existsSync, mkdirSync, utimesSync } = require('node:fs');
const { enableCompileCache, flushCompileCache, Module } = require('node:module');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const base = path.resolve(root, '../..');
// By `maintenance extract`: such a base is called like the release's id.
const isPrepared = root.endsWith(`-${path.basename(base)}`);

if (DUTIES.mark && !isPrepared) process.on('exit', askForLook);
if (DUTIES.cache) {
  try {
    useCompileCache(path.join(root, '.sarma/compile-cache'));
  } catch {
    // Without it the program starts as Node alone would have it.
  }
}

delete require.cache[__filename];
process.argv.splice(1, 1);
Module.runMain();

/** V8's, which Node fills when the program ends. */
function useCompileCache(directory) {
  if (!existsSync(directory)) {
    // What was prepared is written to only where somebody made the directory for that.
    if (isPrepared) return;
    // V8 believes what lies there. Node would make it as open as the umask lets it.
    mkdirSync(directory, { mode: 0o700 });
  }
  const { ENABLED } = Module.constants.compileCacheStatus;
  if (enableCompileCache(directory).status !== ENABLED) return;
  if (DUTIES.children) process.env.NODE_COMPILE_CACHE = directory;
  // A program that a signal ends would store nothing. Node 22.10 and later.
  if (flushCompileCache !== undefined) setTimeout(flushCompileCache, 3000).unref();
}

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
