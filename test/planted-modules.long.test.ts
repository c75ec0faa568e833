// Nothing is loaded from outside the install: `node_modules` and `package.json` in every directory above the install, the executable
// and the working directory, and what HOME has (promises P5 and P10).
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { type Transcript, wrapProgram } from './support/run.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';

let machine: SealedMachine;

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'modules', bin: 'main.js', dependencies: { ms: '2.1.3' }, imports: { '#optional': 'optional' } },
    {
      'main.js': `
        console.log(require('ms')(1000), typeof require, __filename.endsWith('main.js'));
        require('node:worker_threads');
        for (const name of ['optional', '@scoped/optional', '#planted', '#optional']) {
          try { console.log(require(name)); } catch ({ code }) { console.log(name, code); }
        }
        try { console.log(require.resolve('optional')); } catch ({ code }) { console.log('resolve', code); }
        import('ms').then(({ default: ms }) => console.log(ms(2000)));
        for (const name of ['optional', '#optional']) {
          import(name).then((module) => console.log(module.default), ({ code }) => console.log('import', name, code));
        }
      `,
    },
  );
  machine = await sealedMachine(await wrapProgram(program));
});

/** Modules of the names that the program asks for, and a package.json that changes what a module is. */
const plant = `
  plant() {
    directory=$1
    while :; do
      for name in ms optional @scoped/optional; do
        mkdir -p "$directory/node_modules/$name"
        echo 'console.log("planted"); module.exports = () => "planted"' >"$directory/node_modules/$name/index.js"
      done
      echo '{ "name": "", "type": "module", "exports": { "./*": "./node_modules/ms/index.js", ".": "./node_modules/ms/index.js" }, "imports": { "#*": "./node_modules/ms/index.js" } }' >"$directory/package.json"
      case $directory in /tmp | /mnt | /mnt/home-1234) break ;; esac
      directory=$(dirname "$directory")
    done
  }
  legacy() {
    for name in .node_modules .node_libraries; do
      mkdir -p "$1/$name"
      echo 'console.log("planted"); module.exports = "planted"' >"$1/$name/optional.js"
    done
  }
`;

const own = [
  '1s function true',
  ...['optional MODULE_NOT_FOUND', '@scoped/optional MODULE_NOT_FOUND', '#optional MODULE_NOT_FOUND'],
  ...['#planted ERR_PACKAGE_IMPORT_NOT_DEFINED', 'resolve MODULE_NOT_FOUND', '2s', ''],
  ...['import optional ERR_MODULE_NOT_FOUND', 'import #optional ERR_MODULE_NOT_FOUND'],
];

describe.skipIf(lacks('mounts', 'setpriv', 'strace'))('modules are planted', () => {
  test('in and above an install below /tmp, the executable and the working directory: none is opened', async () => {
    const { stdout, stderr } = await machine.shell(`${plant}
      mkdir -p /tmp/bin/deep /tmp/cwd/deep
      mv app /tmp/bin/deep
      as 1234 env SARMA_CACHE_DIR=/tmp/own/base /tmp/bin/deep/app >/dev/null
      for place in /tmp/own/base/releases /tmp/own/base/runtimes /tmp/bin/deep /tmp/cwd/deep; do plant $place; done
      plant /mnt/home-1234
      cd /tmp/cwd/deep
      as 1234 strace -f -qq -o /tmp/trace -e trace=open,openat,openat2,execve env SARMA_CACHE_DIR=/tmp/own/base /tmp/bin/deep/app
      grep -v ENOENT /tmp/trace | grep -o '"/[^"]*"' | tr -d '"' | sort -u >/tmp/opened
      grep -c '^/tmp/own/base/re' /tmp/opened >/dev/null
      grep '^/tmp\\|^/mnt' /tmp/opened | grep -v '^/tmp/own/base/re[a-z]*/[a-z]*-[^/]*$\\|^/tmp/own/base/re[a-z]*/[a-z]*-[^/]*/\\|^/tmp/own/base/run\\|^/tmp/bin/deep/app$' || true
    `);
    expect(stdout.split('\n').sort()).toEqual([...own].sort());
    expect(stderr).toBe('');
  });

  /** Installs, plants one `optional` in a folder, and runs again, by Node alone too; `started` is what starts the program. */
  const plantedIn = (folder: string, started: string) => `
    ${started} >/dev/null
    mkdir -p ${folder}/optional
    echo 'console.log("planted"); module.exports = "planted"' >${folder}/optional/index.js
    ${started}
    echo
    release=$(echo $base/releases/modules-*)
    ${started.replace(/\S+$/, '')} $base/runtimes/*/bin/node $release/lib/modules-*/main.js
  `;
  const home = '/mnt/home-1234';

  function expectKeptOut({ stdout, stderr, exitCode }: Transcript) {
    const [wrapped, plain] = stdout.split('\n\n');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(`${wrapped}\n`.split('\n').sort()).toEqual([...own].sort());
    expect(plain).toContain('planted');
  }

  test.each([
    ['node_modules of the user', `${home}/node_modules`],
    ["node_modules of the user's caches", `${home}/.cache/node_modules`],
    ['node_modules of the base', `${home}/.cache/sarma/node_modules`],
    ['node_modules beside the releases', `${home}/.cache/sarma/releases/node_modules`],
    ['node_modules of root in a directory above', '/mnt/node_modules'],
    ['.node_modules of HOME', `${home}/.node_modules`],
    ['.node_libraries of HOME', `${home}/.node_libraries`],
  ])('in %s: none is loaded, though Node alone would', async (_, folder) => {
    expectKeptOut(await machine.shell(`base=${home}/.cache/sarma; ${plantedIn(folder, 'as 1234 ./app')}`));
  });

  test('in node_modules where a link of the cache leads: none is loaded', async () => {
    expectKeptOut(
      await machine.shell(`
      as 1234 true; install -d -o 1234 /mnt/real/cache; ln -s /mnt/real/cache ${home}/.cache
      base=/mnt/real/cache/sarma; ${plantedIn('/mnt/real/node_modules', 'as 1234 ./app')}
    `),
    );
  });

  test('in node_modules of the prefix of a prepared install, where npm has its own: none is loaded', async () => {
    expectKeptOut(
      await machine.shell(`
      id=$(basename "$(./app maintenance directory)"); base=/mnt/lib/sarma/\${id##*-}
      mkdir -p bin lib/sarma; mv app bin
      bin/app maintenance extract $base 2>/dev/null
      ${plantedIn('/mnt/lib/node_modules', 'as 1234 bin/app')}
      [ ! -e /mnt/home-1234/.cache ]
    `),
    );
  });

  test('in /node_modules: none is loaded', async () => {
    expectKeptOut(
      await machine.shell(`
      mkdir root; cd root; mkdir -p tmp home/.cache usr etc proc dev; chown -R 1234 home
      for name in bin lib lib32 lib64 sbin; do [ ! -L /$name ] || cp -P /$name .; done
      for name in bin lib lib64 usr etc proc dev; do [ -L $name ] || { mkdir -p $name; mount --rbind /$name $name; }; done
      mv ../app .
      base=home/.cache/sarma
      ${plantedIn('node_modules', 'chroot --userspec=1234:1234 . env HOME=/home /app')}
    `),
    );
  });

  test('in NODE_PATH: they are loaded, since the user said so, and not those of node_modules', async () => {
    const { stdout, stderr } = await machine.shell(`
      mkdir named; echo 'module.exports = "named"' >named/optional.js
      base=${home}/.cache/sarma
      { ${plantedIn(`${home}/node_modules`, 'as 1234 env NODE_PATH=/mnt/named ./app')} } >/dev/null
      as 1234 env NODE_PATH=/mnt/named ./app | grep -v import
    `);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      '1s function true',
      ...['named', '@scoped/optional MODULE_NOT_FOUND', '#planted ERR_PACKAGE_IMPORT_NOT_DEFINED'],
      ...['#optional MODULE_NOT_FOUND', '/mnt/named/optional.js', '2s', ''],
    ]);
  });

  test.each([
    ['belongs to somebody else, as after sudo', 'install -d -o 666 /mnt/home'],
    ['is open to everybody', 'install -d -o 1234 -m 777 /mnt/home'],
  ])('in a HOME that %s: none is loaded', async (_, lines) => {
    const { stdout, stderr } = await machine.shell(`${plant} ${lines}
      legacy /mnt/home
      as 1234 env HOME=/mnt/home ./app
    `);
    expect(stdout.split('\n').sort()).toEqual([...own].sort());
    expect(stderr).toBe('');
  });

  test('and a broken package.json lies in the working directory: it is not read', async () => {
    const { stdout, stderr, exitCode } = await machine.shell(`
      mkdir cwd; echo '{' >cwd/package.json; cd cwd
      as 1234 env SARMA_CACHE_DIR=/tmp/own ../app
    `);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.split('\n').sort()).toEqual([...own].sort());
  });
});
