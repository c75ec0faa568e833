#!/usr/bin/env node
'use strict';

// Starts the executable that came with the package of this machine. Made by Sarma.
const { spawn } = require('node:child_process');
const path = require('node:path');

const name = '@name@';
const program = '@program@';
const places = '@places@';

start(findExecutable());

function findExecutable() {
  const possible = places.filter(
    (place) => place.os.includes(process.platform) && place.cpu.includes(process.arch),
  );
  const installed = possible.filter((place) => folderOf(place) !== undefined);
  // The libc is asked for where it decides, since that takes a while: package managers that do not know the field install both.
  const found = installed.length > 1 ? installed.find(hasLibc) : installed[0];
  if (found === undefined) fail(whatIsMissing(possible.filter(hasLibc)));
  return path.join(folderOf(found), 'bin', process.platform === 'win32' ? `${program}.exe` : program);
}

function whatIsMissing(fitting) {
  if (fitting.length === 0) {
    const here = [process.platform, process.arch, ...(process.platform === 'linux' ? [libc()] : [])].join(
      '-',
    );
    const there = places.map((place) => place.name.slice(name.length + 1)).join(', ');
    return `There is no ${program} for ${here}; there is ${there}.`;
  }
  const wanted = fitting.map((place) => place.name).join(' or ');
  return `${program} comes with the package ${wanted}, which is not installed: install ${name} again, with optional dependencies (no --omit=optional).`;
}

function hasLibc(place) {
  return place.libc === undefined || place.libc.includes(libc());
}

function folderOf(place) {
  try {
    return path.dirname(require.resolve(`${place.name}/package.json`));
  } catch {
    return undefined;
  }
}

function libc() {
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

function start(file) {
  const args = process.argv.slice(2);
  if (process.platform !== 'win32' && process.execve !== undefined) {
    // The program takes this process over: its id, its descriptors, its signals. Node calls that experimental.
    process.emitWarning = () => {};
    process.execve(file, [file, ...args], process.env);
  }
  const child = spawn(file, args, { stdio: 'inherit' });
  child.on('error', (error) => fail(`${file} could not be started: ${error.message}`));
  // A terminal sends its signals to both.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
