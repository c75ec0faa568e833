'use strict';
// Old JavaScript on purpose: this must be readable by any Node, so that it can say what is wrong
// before newer syntax makes Node say something worse.

// The first 22 that runs TypeScript as it is.
var needed = [22, 18];
var found = process.versions.node.split('.').map(Number);
var enough = found[0] > needed[0] || (found[0] === needed[0] && found[1] >= needed[1]);
// `npm install` brings the newer Node, so it may itself run on an older one.
var installing = process.argv.indexOf('--install') !== -1;

if (!enough && !installing) {
  console.error(
    'Sarma needs Node ' +
      needed.join('.') +
      ' or newer; this is ' +
      process.version +
      '. ' +
      'The repository brings its own: run `npm install`, then start things with `npm run …` ' +
      '(or call `node_modules/.bin/node`).',
  );
  process.exit(1);
}
