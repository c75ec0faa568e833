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
    while [ $directory != . ]; do
      for name in ms optional @scoped/optional; do
        mkdir -p "$directory/node_modules/$name"
        echo 'console.log("planted"); module.exports = () => "planted"' >"$directory/node_modules/$name/index.js"
      done
      echo '{ "name": "", "type": "module", "exports": { "./*": "./node_modules/ms/index.js", ".": "./node_modules/ms/index.js" }, "imports": { "#*": "./node_modules/ms/index.js" } }' >"$directory/package.json"
      directory=$(dirname "$directory")
    done
  }
`;

/** `root` has all that the root directory has, and may get what that must not. `rooted COMMAND …` runs in it, as a user. */
const ownRoot = `
  mkdir root
  for entry in /*; do
    if [ -L $entry ]; then cp -P $entry root
    elif [ -d $entry ]; then mkdir root$entry; mount --rbind $entry root$entry
    fi
  done
  as 1234 true
  rooted() { HOME=/mnt/home-1234 chroot --userspec=1234:1234 root "$@"; }
`;

const own = [
  '1s function true',
  ...['optional MODULE_NOT_FOUND', '@scoped/optional MODULE_NOT_FOUND', '#optional MODULE_NOT_FOUND'],
  ...['#planted ERR_PACKAGE_IMPORT_NOT_DEFINED', 'resolve MODULE_NOT_FOUND', '2s', ''],
  ...['import optional ERR_MODULE_NOT_FOUND', 'import #optional ERR_MODULE_NOT_FOUND'],
];

/** What may be opened: the install, the executable, and what a Node opens wherever it is. */
const OPENED = [
  ...[
    '/tmp/own/base/releases/modules-[^/]*(/.*)?',
    '/tmp/own/base/runtimes/node-[0-9][^/]*(/.*)?',
    '/tmp/bin/deep/app',
  ],
  ...[
    '/(proc|sys)/.*',
    '/dev/null',
    '/etc/ld.so.cache',
    '/etc/ssl/openssl.cnf',
    '/(usr/)?lib[^ ]*[.]so([.][0-9]+)*',
  ],
]
  .map((file) => `^${file}$`)
  .join('|');

describe.skipIf(lacks('mounts', 'setpriv', 'strace'))('modules are planted', () => {
  test('in every directory from an install, the executable and the working directory to the root: none is opened', async () => {
    const { stdout, stderr } = await machine.shell(`${ownRoot} ${plant}
      mkdir -p /tmp/bin/deep /tmp/cwd/deep
      mv app /tmp/bin/deep
      export SARMA_CACHE_DIR=/tmp/own/base
      rooted /tmp/bin/deep/app >/dev/null
      for place in tmp/own/base/releases tmp/own/base/runtimes tmp/bin/deep tmp/cwd/deep mnt/home-1234; do plant root/$place; done
      rooted sh -c 'cd /tmp/cwd/deep; exec strace -f -y -qq -o /tmp/trace -e trace=open,openat,openat2 /tmp/bin/deep/app'
      sed -n 's/.* = [0-9]*<\\(.*\\)>$/\\1/p' /tmp/trace >/tmp/opened
      grep -q '/ms/index.js$' /tmp/opened
      grep -vE '${OPENED}' /tmp/opened || true
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
      base=/mnt/lib/sarma/$(id_of ./app)
      mkdir -p bin lib/sarma; mv app bin
      bin/app maintenance extract $base 2>/dev/null
      ${plantedIn('/mnt/lib/node_modules', 'as 1234 bin/app')}
      [ ! -e /mnt/home-1234/.cache ]
    `),
    );
  });

  test('in /node_modules: none is loaded', async () => {
    expectKeptOut(
      await machine.shell(
        `${ownRoot} base=${home}/.cache/sarma; ${plantedIn('root/node_modules', 'rooted /mnt/app')}`,
      ),
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
    const { stdout, stderr } = await machine.shell(`${lines}
      for name in .node_modules .node_libraries; do
        mkdir "/mnt/home/$name"
        echo 'console.log("planted"); module.exports = "planted"' >"/mnt/home/$name/optional.js"
      done
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
