// Executables that run with more rights than whoever starts them: set-user-ID and set-group-ID ones are refused, file
// capabilities are kept, and then nothing is believed that the user could have written.
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { wrapProgram } from './support/run.ts';
import { type SealedMachine, sealedMachine } from './support/sealed.ts';

let machine: SealedMachine;

beforeAll(async () => {
  const program = await makeProgram(
    { name: 'privileged', bin: 'main.js' },
    {
      'main.js': `
        const { createServer } = require('node:net');
        const { readFileSync } = require('node:fs');
        const actions = {
          base: () => console.log(require('node:path').resolve(__dirname, '../../../..')),
          listen: () => {
            const server = createServer();
            server.on('error', ({ code }) => console.log(code));
            server.listen(80, () => server.close(() => console.log('listened on port 80')));
          },
          capabilities: () => console.log(readFileSync('/proc/self/status', 'utf8').match(/^Cap(Prm|Eff|Amb).*/gm).join()),
          environment: () => console.log(Object.keys(process.env).sort().join()),
          optional: () => { try { console.log(require('optional')); } catch ({ code }) { console.log(code); } },
          child: () => console.log(require('node:child_process').execFileSync('cat', ['/proc/self/status'], { encoding: 'utf8' }).match(/^CapEff.*/m)[0]),
        };
        for (const action of process.argv.slice(2)) actions[action]();
      `,
    },
  );
  machine = await sealedMachine(await wrapProgram(program));
});

const everywhere = 'find /tmp /var/tmp /dev/shm /root /mnt/home-1234 -mindepth 1';

describe.skipIf(lacks('mounts', 'setpriv'))('an executable', () => {
  test.each([
    ['set-user-ID', 4755],
    ['set-group-ID', 2755],
    ['both', 6755],
  ])('that is %s is refused: exit code 125, and nothing is created', async (_, mode) => {
    const { stdout, stderr, exitCode } = await machine.shell(`
      chmod ${mode} app
      as 1234 ./app base && exit 1 || code=$?
      as 1234 env SARMA_CACHE_DIR=/tmp/named ./app maintenance extract /tmp/extracted && exit 1 || [ $? = 125 ]
      ${everywhere}
      exit $code
    `);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr).toMatch(/^(privileged: refuses to run set-user-ID or set-group-ID: .*\n){2}$/);
  });

  test('that is set-user-ID runs where that changes nothing: for its owner', async () => {
    const { stdout, stderr } = await machine.shell('chown 1234:1234 app; chmod 4755 app; as 1234 ./app base');
    expect({ stdout, stderr }).toEqual({ stdout: '/mnt/home-1234/.cache/sarma\n', stderr: '' });
  });
});

describe.skipIf(lacks('mounts', 'setpriv', 'setcap'))('an executable with file capabilities', () => {
  /** In a network of its own, where no other setting lets a user listen on port 80. */
  const prepared = `
    mkdir -p opt/bin opt/lib/sarma
    id=$(id_of ./app)
    ./app maintenance extract "opt/lib/sarma/$id" 2>/dev/null
    mv app opt/bin/app
    setcap cap_net_bind_service+ep opt/bin/app
  `;

  test('listens on port 80 as a user, who could not otherwise; so may its children', async () => {
    const { stdout, stderr } = await machine.shell(`${prepared}
      alone() { unshare -n setpriv --reuid=1234 --regid=1234 --clear-groups --inh-caps=-all "$@"; }
      alone opt/lib/sarma/*/runtimes/*/bin/node opt/lib/sarma/*/releases/*/lib/privileged-1.0.0/main.js listen
      alone opt/bin/app listen capabilities child
    `);
    expect(stderr).toBe('');
    expect(stdout.split('\n').sort()).toEqual([
      '',
      'CapEff:\t0000000000000400',
      'CapPrm:\t0000000000000400,CapEff:\t0000000000000400,CapAmb:\t0000000000000400',
      'EACCES',
      'listened on port 80',
    ]);
  });

  test('believes no variable by which loader, Node or ICU would load or do what the user wants', async () => {
    const hostile = [
      ...['LD_PRELOAD=/tmp/evil.so', 'LD_LIBRARY_PATH=/tmp', 'LD_AUDIT=/tmp/evil.so', 'GLIBC_TUNABLES=a=b'],
      ...['NODE_OPTIONS=--require=/tmp/evil.cjs', 'NODE_PATH=/tmp/evil', 'NODE_EXTRA_CA_CERTS=/tmp/evil'],
      ...[
        'OPENSSL_CONF=/tmp/evil',
        'SSL_CERT_FILE=/tmp/evil',
        'ICU_TIMEZONE_FILES_DIR=/tmp',
        'CARES_HOSTS=/tmp/x',
      ],
      ...[
        'SARMA_CACHE_DIR=/tmp/own',
        'PRIVILEGED_INSTALL_DIR=/tmp/own',
        'SARMA_DEBUG=1',
        'SARMA_BIN=/bin/sh',
      ],
      ...['UV_THREADPOOL_SIZE=0', 'MALLOC_PERTURB_=1', 'TMPDIR=/tmp', 'TZDIR=/tmp'],
    ];
    const { stdout, stderr } = await machine.shell(`${prepared}
      as 1234 env -i HOME=/mnt/home-1234 OWN=kept ${hostile.join(' ')} opt/bin/app base environment
    `);
    expect(stderr).toBe('');
    expect(stdout.replace(/[0-9a-f]{12}\n/, 'ID\n')).toBe(
      '/mnt/opt/lib/sarma/ID\nHOME,OWN,PRIVILEGED_INSTALL_DIR,SARMA_BIN\n',
    );
  });

  test('loads no module from the home of the user, nor from the working directory', async () => {
    const { stdout, stderr } = await machine.shell(`${prepared}
      mkdir -p home-1234/.node_modules home-1234/cwd
      echo 'module.exports = "planted"' >home-1234/.node_modules/optional.js
      echo 'console.log("planted")' >home-1234/cwd/evil.cjs
      echo '{ "name": "", "exports": { "./*": "./evil.cjs" } }' >home-1234/cwd/package.json
      chown -R 1234 home-1234
      cd home-1234/cwd
      as 1234 /mnt/opt/bin/app optional
      # The same files, started without the stub: what would have happened.
      as 1234 /mnt/opt/lib/sarma/*/runtimes/*/bin/node /mnt/opt/lib/sarma/*/releases/*/lib/privileged-1.0.0/main.js optional
    `);
    expect({ stdout, stderr }).toEqual({ stdout: 'MODULE_NOT_FOUND\nplanted\n', stderr: '' });
  });

  test.each([
    ['of the user', 'chown -R 1234 opt/lib/sarma/*'],
    ['whose directory above belongs to the user', 'chown 1234 opt/lib'],
    ['whose release belongs to the user', 'chown -R 1234 opt/lib/sarma/*/releases/*'],
    ['whose runtime others can write to', 'chmod 666 opt/lib/sarma/*/runtimes/*/bin/node'],
    ['that is not there', 'rm -r opt/lib/sarma'],
  ])('does not run from a prepared install %s, and says what to do', async (_, lines) => {
    const { stdout, stderr, exitCode } = await machine.shell(`${prepared} ${lines}
      as 1234 opt/bin/app base || code=$?
      ${everywhere}
      exit $code
    `);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr).toMatch(
      /^privileged: it has file capabilities, so it runs only from an install that nobody but root/,
    );
    expect(stderr).toMatch(/\/mnt\/opt\/bin\/app maintenance extract \/usr\/lib\/sarma\/[0-9a-f]{12}\n/);
  });

  test('writes no install with its capabilities', async () => {
    const { stdout, stderr, exitCode } = await machine.shell(`${prepared}
      setcap cap_dac_override+ep opt/bin/app
      install -d target
      as 1234 opt/bin/app maintenance extract /mnt/target/x || code=$?
      find target -mindepth 1
      exit $code
    `);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
    expect(stderr).toContain('do that as root');
  });

  // A program that asks for updates would start itself without end, if the variable that says so were not believed.
  test.each(['opt/bin/app maintenance update --check', 'env SARMA_MAINTENANCE=update opt/bin/app --check'])(
    'looks for no update of itself: %s',
    async (line) => {
      const { stdout, stderr, exitCode } = await machine.shell(`${prepared} as 1234 ${line}`);
      const advice = 'which are not for writing files with: do that as root';
      expect({ stdout, stderr, exitCode }).toEqual({
        stdout: '',
        stderr: `privileged: it cannot update itself: it has file capabilities, ${advice}\n`,
        exitCode: 3,
      });
    },
  );
});
