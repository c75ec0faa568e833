// Nothing is loaded from outside the install that somebody else could have put there: `node_modules` and `package.json` in every
// directory above the install, the executable and the working directory (promises P5 and P10).
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { wrapProgram } from './support/run.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';

let machine: SealedMachine;

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'modules', bin: 'main.js', dependencies: { ms: '2.1.3' } },
    {
      'main.js': `
        console.log(require('ms')(1000), typeof require, __filename.endsWith('main.js'));
        require('node:worker_threads');
        for (const name of ['optional', '@scoped/optional', '#planted']) {
          try { console.log(require(name)); } catch ({ code }) { console.log(name, code); }
        }
        import('ms').then(({ default: ms }) => console.log(ms(2000)));
        import('optional').catch(({ code }) => console.log('import', code));
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
  ...['optional MODULE_NOT_FOUND', '@scoped/optional MODULE_NOT_FOUND'],
  ...['#planted MODULE_NOT_FOUND', '2s', 'import ERR_MODULE_NOT_FOUND', ''],
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

  test('where only the user could have: what the program has is its own', async () => {
    const { stdout, stderr } = await machine.shell(`${plant}
      as 1234 ./app >/dev/null
      plant /mnt/home-1234/.cache/sarma/releases
      rm -r $(find /mnt/home-1234 -path '*/node_modules/*' -name '*optional')
      cd /mnt/home-1234
      as 1234 /mnt/app
    `);
    expect(stdout.split('\n').sort()).toEqual([...own].sort());
    expect(stderr).toBe('');
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
