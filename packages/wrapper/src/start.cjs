'use strict';
// What Node executes of programs that have something to gain from it, in place of their entry, to which it hands over. Not a
// preload: Node lets the working directory answer for `-r`, and `--import` shows.

/** Written in when it is put into a release; what each means is in start.ts. */
const DUTIES = { cache: true, children: false, mark: true };

/** Bytes of the list of what the first runs took, some five: the first may only have been asked for its version. */
const LEARNING = 32;

const fs = require('node:fs');
const { enableCompileCache, flushCompileCache, getCompileCacheDir, Module } = require('node:module');
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
  if (!fs.existsSync(directory)) {
    // What was prepared is written to only where somebody made the directory for that.
    if (isPrepared) return;
    // V8 believes what lies there. Node would make it as open as the umask lets it.
    fs.mkdirSync(directory, { mode: 0o700 });
  }
  const { ENABLED } = Module.constants.compileCacheStatus;
  const portable = DUTIES.seed !== undefined;
  if (enableCompileCache(portable ? { directory, portable } : directory).status !== ENABLED) return;
  if (portable) adopt(path.join(root, DUTIES.seed), getCompileCacheDir());
  if (DUTIES.children) {
    process.env.NODE_COMPILE_CACHE = directory;
    if (portable) process.env.NODE_COMPILE_CACHE_PORTABLE = '1';
  }
  // Node 22.10 and later.
  if (flushCompileCache === undefined) return;
  // A program that a signal ends would store nothing.
  setTimeout(flushCompileCache, 3000).unref();
  const runs = path.join(getCompileCacheDir(), 'runs');
  const { size } = fs.statSync(runs, { throwIfNoEntry: false }) ?? { size: 0 };
  if (size < LEARNING) process.on('exit', () => learn(runs));
}

/** Links what was compiled while the executable was made to where Node looks for this user, once. */
function adopt(seed, own) {
  if (fs.existsSync(path.join(own, 'whole'))) return;
  const tag = path.basename(own);
  // That of another runtime, CPU or flag of V8 is called otherwise.
  const made = path.join(seed, process.getuid === undefined ? tag : tag.replace(/-\d+$/, ''));
  if (!fs.existsSync(made)) return;
  // `whole` comes last.
  for (const name of fs.readdirSync(made).sort()) {
    try {
      fs.linkSync(path.join(made, name), path.join(own, name));
    } catch (error) {
      // Another run was first.
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

/**
 * Node stores a module as it is when it has just been compiled, without the functions that are compiled once they are called.
 * V8 keeps those too: to compile the same once more finds all of them. Nothing is evaluated. Done by a run that took more of the
 * CPU than those before it.
 */
function learn(runs) {
  try {
    const before = fs.readFileSync(runs, { encoding: 'utf8', flag: 'a+' }).split('\n').map(Number);
    const { user } = process.cpuUsage();
    fs.appendFileSync(runs, `${user}\n`);
    if (user > Math.max(...before)) storeCompiled(path.dirname(runs));
  } catch {
    // What Node stores by itself will do.
  }
}

/** Throws where Node does not let anybody do this: with `--permission`, in a line to come. */
function storeCompiled(directory) {
  const { compileFunctionForCJSLoader } = process.binding('contextify');
  const { crc32 } = require('node:zlib');
  flushCompileCache();
  for (const file of Object.keys(require.cache)) {
    // As Node names it (src/compile_cache.cc); 0 is for CommonJS.
    const name = DUTIES.seed === undefined ? file : path.relative(directory, file);
    const key = crc32(`\0${name}`).toString(16).padStart(8, '0');
    try {
      fs.unlinkSync(path.join(directory, key));
      compileFunctionForCJSLoader(fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, ''), file, false, false);
    } catch {
      // It was not in the cache, or is not what was compiled.
    }
  }
}

/** A run that ends badly may have missed a file: the marker's time is set back by the day after which the next run looks again. */
function askForLook(code) {
  if (code === 0) return;
  try {
    const time = Date.now() / 1000 - 24 * 60 * 60;
    fs.utimesSync(path.join(root, '.sarma/marker'), time, time);
  } catch {
    // Who cannot write there cannot repair it either.
  }
}
