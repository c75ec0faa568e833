'use strict';
// V8's compile cache of an install: of programs by start.cjs, of services by the boot (packages/boot), which find this file beside them.

/** Written in when it is put into a release; what each means is in start.ts. */
const SETTINGS = { children: false, seed: false };

/** Bytes of the list of what the first runs took, some five: the first may only have been asked for its version. */
const LEARNING = 32;

// Taken at once: what the program makes of `fs` is its own.
const {
  constants: { COPYFILE_EXCL },
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} = require('node:fs');
const { constants, enableCompileCache, flushCompileCache, getCompileCacheDir } = require('node:module');
const path = require('node:path');

const root = path.resolve(__dirname, '../..');
const directory = path.join(root, '.sarma/compile-cache');
// By `maintenance extract`: such a base is called like the release's id.
const isPrepared = root.endsWith(`-${path.basename(path.resolve(root, '../..'))}`);

delete require.cache[__filename];
module.exports = { use, learnAtEnd, learnNow };

/**
 * From now on Node takes the modules that are loaded from the cache, and stores them there when the process ends. False, and a start
 * as with Node alone, where that cannot be, or where the user has said otherwise.
 */
function use() {
  // Node 22.10 and later.
  if (flushCompileCache === undefined) return false;
  try {
    if (!existsSync(directory)) {
      // What was prepared is written to only where somebody made the directory for that.
      if (isPrepared) return false;
      // V8 believes what lies there. Node would make it as open as the umask lets it.
      mkdirSync(directory, { mode: 0o700 });
    }
    const portable = SETTINGS.seed;
    const { status } = enableCompileCache(portable ? { directory, portable } : directory);
    if (status !== constants.compileCacheStatus.ENABLED) return false;
    if (SETTINGS.children) {
      process.env.NODE_COMPILE_CACHE = directory;
      if (portable) process.env.NODE_COMPILE_CACHE_PORTABLE = '1';
    }
    if (portable) adopt(getCompileCacheDir());
    return true;
  } catch {
    return false;
  }
}

/** Has what was compiled while the executable was made where Node looks for this user, once. */
function adopt(own) {
  if (existsSync(path.join(own, 'whole'))) return;
  const tag = path.basename(own);
  // That of another runtime, CPU or flag of V8 is called otherwise.
  const made = path.join(
    __dirname,
    'compile-cache',
    process.getuid === undefined ? tag : tag.replace(/-\d+$/, ''),
  );
  if (!existsSync(made)) return;
  try {
    // `whole` comes last.
    for (const name of readdirSync(made).sort()) linkOrCopy(path.join(made, name), path.join(own, name));
  } catch {
    // Another run was first, or there is no room: Node compiles what is missing.
  }
}

function linkOrCopy(from, to) {
  try {
    linkSync(from, to);
  } catch (error) {
    if (error.code === 'EEXIST') return;
    // Another file system, or somebody else's file. Half a copy is none to Node, which compares checksums.
    copyFileSync(from, to, COPYFILE_EXCL);
  }
}

/** For a program: has its end store what the run called, if it took more of the CPU than those before it. */
function learnAtEnd() {
  // A program that a signal ends would store nothing.
  setTimeout(flushCompileCache, 3000).unref();
  const runs = path.join(getCompileCacheDir(), 'runs');
  if (hasLearned(runs)) return;
  process.on('exit', () => {
    try {
      const before = readFileSync(runs, { encoding: 'utf8', flag: 'a+' }).split('\n').map(Number);
      const { user } = process.cpuUsage();
      // writeFileSync would ask `fs` for how to append.
      const list = openSync(runs, 'a');
      writeSync(list, `${user}\n`);
      closeSync(list);
      if (user > Math.max(...before)) storeCompiled();
    } catch {
      // What Node stores by itself will do.
    }
  });
}

/** For a service that has started, and will be ended by a signal: stores what it called until now, if it is the first. */
function learnNow() {
  const own = getCompileCacheDir?.();
  // Another is one that the user has named.
  if (!own?.startsWith(directory + path.sep)) return;
  const runs = path.join(own, 'runs');
  if (hasLearned(runs)) return flushCompileCache();
  try {
    storeCompiled();
  } catch {
    // As above.
  }
  flushCompileCache();
  try {
    writeFileSync(runs, ' '.repeat(LEARNING));
  } catch {
    // The next start does it again.
  }
}

function hasLearned(runs) {
  try {
    return statSync(runs).size >= LEARNING;
  } catch {
    return false;
  }
}

/**
 * Node stores a module as it is when it has just been compiled, without the functions that are compiled once they are called.
 * V8 keeps those too: to compile a CommonJS module once more finds all of them. Nothing is evaluated. Throws where Node does not let
 * anybody do this: with `--permission`, in a line to come.
 */
function storeCompiled() {
  const { compileFunctionForCJSLoader } = contextify();
  const { crc32 } = require('node:zlib');
  const own = getCompileCacheDir();
  flushCompileCache();
  for (const file of Object.keys(require.cache)) {
    // As Node names it (src/compile_cache.cc); 0 is for CommonJS.
    const name = SETTINGS.seed ? path.relative(own, file) : file;
    const key = crc32(`\0${name}`).toString(16).padStart(8, '0');
    try {
      unlinkSync(path.join(own, key));
      compileFunctionForCJSLoader(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''), file, false, false);
    } catch {
      // It was not in the cache, or is not what was compiled.
    }
  }
}

/** Without the warning, where somebody asks for those of what is deprecated, and not by the program. */
function contextify() {
  const { noDeprecation } = process;
  process.noDeprecation = true;
  try {
    return process.binding('contextify');
  } finally {
    process.noDeprecation = noDeprecation;
  }
}
