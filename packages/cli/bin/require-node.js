'use strict';
// Old JavaScript on purpose, and CommonJS: any Node must be able to read this, to say what is wrong before newer
// syntax makes it say something worse. 22.15 is the first 22 with zstd and with synchronous module hooks.

var needed = [22, 15];
var found = process.versions.node.split('.').map(Number);

if (found[0] < needed[0] || (found[0] === needed[0] && found[1] < needed[1])) {
  console.error(
    'Sarma needs Node ' +
      needed.join('.') +
      ' or newer to run, and this is ' +
      process.version +
      ': ' +
      'install a newer one from https://nodejs.org or with your version manager. ' +
      'The executables it makes bring their own.',
  );
  process.exit(1);
}
