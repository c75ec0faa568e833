import { createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { installScripts } from '../packages/publish/src/installers/scripts.ts';
import {
  openPublishingPlace,
  type PublishingPlace,
  publishVersion,
  signatureOf,
  type ToPublish,
} from './support/publishing.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { helloVersion } from './support/updatable.ts';

// What install.sh does on a user's machine: under three shells, with what little a machine may have.

const OLD = '1.0.0';
const NEW = '1.1.0';

/** What the script needs on every machine, and then something to download and to check with. */
const BASE = 'sh cat chmod cp grep head ln mkdir mktemp mv rm rmdir sed sleep tail tr uname'.split(' ');

let place: PublishingPlace;
let executable: string;

beforeAll(async () => {
  place = await openPublishingPlace();
  const old = await wrapProgram(await helloVersion(place, OLD));
  executable = await wrapProgram(await helloVersion(place, NEW));
  await publishVersion(place, 'hello', OLD, [{ executable: old }]);
  await publishVersion(place, 'hello', NEW, [{ executable }]);
});

afterEach(() => place.answerWith(undefined));

afterAll(() => place.close());

/** A version that nobody gets without asking for it. */
async function publishApart(version: string, files: readonly ToPublish[]): Promise<void> {
  await publishVersion(place, 'hello', version, files);
  await copyFile(path.join(place.folder, NEW, 'latest.json'), path.join(place.folder, 'latest.json'));
}

/** A user who has nothing yet, and the script. */
async function newcomer(
  programs: readonly string[] = ['hello'],
  { url = place.url, publicKeys = [place.key.publicKey], updates = true } = {},
) {
  const home = await temporaryDirectory();
  await mkdir(path.join(home, '.cache'));
  const scripts = installScripts({
    release: { name: 'hello' },
    programs,
    place: { versions: `${url}{version}/`, latest: `${url}latest.json` },
    publicKeys,
    updates,
  });
  const script = path.join(await temporaryDirectory(), 'install.sh');
  await writeFile(script, scripts['install.sh']!);
  const environment = { ...NOTHING_SAID, HOME: home, SHELL: '/bin/bash' };
  return {
    home,
    script,
    bin: path.join(home, '.local/bin'),
    /** `sh install.sh …` */
    install: async (args: readonly string[] = [], { shell = ['sh'], env = {} }: How = {}) =>
      await run(shell[0]!, [...shell.slice(1), script, ...args], { env: { ...environment, ...env } }),
    /** `curl … | sh -s -- …` */
    pipe: async (args: readonly string[] = [], { shell = ['sh'], env = {}, input }: How = {}) =>
      await run(shell[0]!, [...shell.slice(1), '-s', '--', ...args], {
        env: { ...environment, ...env },
        input: input ?? (await readFile(script, 'utf8')),
      }),
  };
}

interface How {
  readonly shell?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
}

const NOTHING_SAID = { XDG_BIN_HOME: undefined, XDG_CACHE_HOME: undefined, SARMA_CACHE_DIR: undefined };

/** A PATH with these programs alone. */
async function pathWith(...tools: readonly string[]): Promise<string> {
  const folder = await temporaryDirectory();
  for (const tool of [...BASE, ...tools]) await symlink(locate(tool), path.join(folder, tool));
  return folder;
}

/** A PATH with nothing but busybox. */
async function busyboxAlone(): Promise<string> {
  const folder = await temporaryDirectory();
  for (const tool of [...BASE, 'wget', 'sha256sum'])
    await symlink(locate('busybox'), path.join(folder, tool));
  return folder;
}

async function listening(server: Server): Promise<AddressInfo> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address() as AddressInfo;
}

function locate(tool: string): string {
  const folders = process.env.PATH!.split(path.delimiter).filter((one) => !one.includes('node_modules'));
  return folders.map((folder) => path.join(folder, tool)).find((file) => existsSync(file))!;
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

test('the scripts of a release whose name begins with a digit have variables that a shell knows', async () => {
  const url = 'https://example.org/';
  const release = { release: { name: '2048' }, programs: ['2048'], publicKeys: [], updates: false };
  const text = installScripts({ ...release, place: { versions: `${url}{version}/`, latest: url } });
  const script = path.join(await temporaryDirectory(), 'install.sh');
  await writeFile(script, text['install.sh']!);
  const { stdout, stderr } = await run('sh', [script, '--help']);
  expect([stdout, stderr]).toEqual([expect.stringContaining('(_2048_VERSION)'), '']);
});

describe('install.sh', () => {
  test.skipIf(lacks('shellcheck'))('has nothing that shellcheck finds fault with', async () => {
    const { script } = await newcomer();
    expect(await run('shellcheck', ['-s', 'sh', script])).toMatchObject({ stdout: '', exitCode: 0 });
  });

  const shells = [['dash'], ['bash', '--posix'], ['busybox', 'sh'], ['zsh']] as const;
  for (const shell of shells) {
    const [program] = shell;
    test.skipIf(lacks(program))(
      `installs, changes nothing the second time, takes newer and older versions and goes as it came, under ${shell.join(' ')}`,
      async () => {
        const { home, bin, install, pipe } = await newcomer();
        const before = await filesBelow(home);
        const said = async () => (await run(path.join(bin, 'hello'), [], { env: { HOME: home } })).stdout;

        expect(await pipe(['--version', OLD], { shell })).toMatchObject({ exitCode: 0, stderr: '' });
        expect(await said()).toBe(`hello ${OLD}\n`);

        expect((await pipe([], { shell })).stdout).toContain(`hello ${NEW} is in ${bin} now`);
        expect(await said()).toBe(`hello ${NEW}\n`);
        expect(await readdir(bin)).toEqual(['.hello.previous', 'hello']);

        place.takeRequests();
        expect((await install([], { shell })).stdout).toContain(
          `hello ${NEW} is in ${bin} already; nothing was changed.`,
        );
        expect(place.takeRequests().map((one) => path.basename(one.path))).not.toContain('hello_linux-x64');

        await install([`--version=v${OLD}`], { shell });
        expect(await said()).toBe(`hello ${OLD}\n`);

        expect(await install(['--uninstall'], { shell })).toMatchObject({ exitCode: 0 });
        expect(await filesBelow(home)).toEqual(before);
        expect((await install(['--uninstall'], { shell })).stdout).toContain('there was nothing to remove');
      },
    );
  }

  test.skipIf(lacks('busybox'))(
    'needs nothing but busybox, and says that the signature was not checked',
    async () => {
      const { bin, pipe } = await newcomer();
      const folder = await busyboxAlone();
      const how = { shell: [path.join(folder, 'sh')], env: { PATH: folder } };
      const { stdout, exitCode } = await pipe([], how);
      expect(exitCode).toBe(0);
      expect(stdout).toContain(
        'The signature was not checked: that takes minisign or OpenSSL 3, and neither is here.',
      );
      expect(stdout).toContain(`hello ${NEW} is in ${bin} now (SHA-256 checked, signature not).`);

      await pipe(['--uninstall'], how);
      const refused = await pipe(['--require-signature'], how);
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(refused.stderr).toContain('install minisign. Nothing was changed.');
      expect(existsSync(bin)).toBe(false);

      const unknown = await pipe(['--version', '9.9.9'], how);
      expect(unknown.stderr).toContain(
        `There is no hello 9.9.9: ${place.url}9.9.9/SHA256SUMS is not there (404).`,
      );
    },
  );

  test('keeps the version before where executables update themselves alone', async () => {
    const { bin, install } = await newcomer(['hello'], { updates: false });
    await install(['--version', OLD]);
    expect((await install()).stdout).toContain(`hello ${NEW} is in ${bin} now`);
    expect(await readdir(bin)).toEqual(['hello']);
  });

  const downloaders = [
    ['wget', 'sha256sum'],
    ['curl', 'shasum', 'perl'],
  ] as const;
  for (const [downloader, ...sums] of downloaders) {
    test.skipIf(lacks(downloader, 'openssl'))(
      `takes ${downloader} and ${sums[0]}, and openssl for the signature`,
      async () => {
        const { bin, install } = await newcomer();
        const env = { PATH: await pathWith(downloader, ...sums, 'openssl') };
        expect((await install([], { env })).stdout).toContain(
          `hello ${NEW} is in ${bin} now (signature checked by openssl).`,
        );
        const { stderr } = await install(['--version', '9.9.9'], { env });
        expect(stderr).toContain('There is no hello 9.9.9');
      },
    );
  }

  for (const tool of ['minisign', 'openssl'] as const) {
    test.skipIf(lacks(tool, 'curl'))(
      `refuses what another key has signed, what was changed since and what was signed for another version, by ${tool}`,
      async () => {
        const { home, install } = await newcomer();
        const env = { PATH: await pathWith('curl', 'sha256sum', tool) };
        const checksums = await readFile(path.join(place.folder, NEW, 'SHA256SUMS'));
        const other = await openPublishingPlace();
        other.close();
        const before = await filesBelow(home);
        const answers = {
          [`${signatureOf(checksums, other.key, `hello ${NEW}`)}`]:
            'was not signed by the key of hello, or was changed since',
          [`${signatureOf(Buffer.from('other'), place.key, `hello ${NEW}`)}`]:
            'was not signed by the key of hello, or was changed since',
          [`${signatureOf(checksums, place.key, `hello ${OLD}`)}`]: `was signed for "hello ${OLD}", not for "hello ${NEW}"`,
          // The comment alone was changed: the second signature does not fit.
          [signatureOf(checksums, place.key, `hello ${OLD}`).replace(`hello ${OLD}`, `hello ${NEW}`)]:
            'was not signed by the key of hello, or was changed since',
        };
        for (const [signature, message] of Object.entries(answers)) {
          place.answerWith((request, response) => {
            if (!request.url!.endsWith('.minisig')) return false;
            response.end(signature);
            return true;
          });
          const { stderr, exitCode } = await install([], { env });
          expect([exitCode, stderr]).toEqual([1, expect.stringContaining(message)]);
          expect(await filesBelow(home)).toEqual(before);
        }
      },
    );
  }

  test('refuses what is not signed, and a file whose hash is another', async () => {
    const { home, install } = await newcomer();
    const before = await filesBelow(home);
    place.answerWith((request, response) => {
      if (!request.url!.endsWith('.minisig')) return false;
      response.writeHead(404).end();
      return true;
    });
    expect((await install()).stderr).toContain(
      `hello ${NEW} is not signed: ${place.url}${NEW}/SHA256SUMS.minisig is not there (404).`,
    );

    place.answerWith((request, response) => {
      if (!request.url!.endsWith('hello_linux-x64')) return false;
      response.end('something else');
      return true;
    });
    expect((await install()).stderr).toMatch(
      /hello_linux-x64 is damaged: its SHA-256 is \w{64}, and should be \w{64}\. Nothing was changed/,
    );
    expect(await filesBelow(home)).toEqual(before);
  });

  test('goes on after a connection that was cut, and gives up after the third one', async () => {
    const { home, bin, install } = await newcomer();
    const before = await filesBelow(home);
    let cuts = 0;
    const cutAfter = (limit: number) =>
      place.answerWith((request, response) => {
        if (!request.url!.endsWith('hello_linux-x64') || cuts >= limit) return false;
        cuts += 1;
        response.writeHead(200, { 'content-length': 1_000_000 });
        response.write(Buffer.alloc(100_000), () => response.destroy());
        return true;
      });
    cutAfter(3);
    expect((await install()).stderr).toContain('hello_linux-x64 cannot be downloaded: ');
    expect([cuts, await filesBelow(home)]).toEqual([3, before]);
    cuts = 0;
    cutAfter(1);
    expect((await install()).stdout).toContain(`hello ${NEW} is in ${bin} now`);
  });

  test('says which targets there are where none is for this machine, and which file is missing', async () => {
    const { home, install } = await newcomer();
    await publishApart(
      '0.1.0',
      ['darwin-arm64', 'linux-s390x', 'win-x64'].map((target) => ({ executable, target })),
    );
    expect((await install(['--version', '0.1.0'])).stderr).toBe(
      `install.sh: There is no hello 0.1.0 for this machine (linux-${process.arch}); there is darwin-arm64, linux-s390x.\n`,
    );
    place.answerWith((request, response) => {
      if (!request.url!.endsWith('hello_linux-x64')) return false;
      response.writeHead(404).end();
      return true;
    });
    expect((await install()).stderr).toContain(
      `${place.url}${NEW}/hello_linux-x64 is not there (404). Nothing was changed.`,
    );
    expect(await readdir(home)).toEqual(['.cache']);
  });

  test('says what is missing: something to download with, something to check with, a home, a folder', async () => {
    const { script, install } = await newcomer();
    const errorOf = async (args: readonly string[], env: Readonly<Record<string, string | undefined>>) =>
      (await install(args, { env })).stderr;
    expect(await errorOf([], { PATH: await pathWith('sha256sum') })).toBe(
      'install.sh: Neither curl nor wget is here to download with: install one of them.\n',
    );
    expect(await errorOf([], { PATH: await pathWith('curl') })).toBe(
      'install.sh: None of sha256sum, shasum and openssl is here to check a download with: install one of them.\n',
    );
    expect(await errorOf([], { HOME: undefined })).toBe(
      'install.sh: HOME is not set, so there is no ~/.local/bin: say where to install with --dir DIR.\n',
    );
    expect(await errorOf(['--dir', '/proc'], {})).toContain(
      'You may not write to /proc: say another folder with --dir DIR.',
    );
    expect(await errorOf(['--dir', `${script}/bin`], {})).toContain(
      `${script}/bin cannot be made: say another folder with --dir DIR.`,
    );
    expect(await install(['--frobnicate'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--frobnicate is no option'),
    });
  });

  test('installs without a home into a folder with blanks and quotes', async () => {
    const { install } = await newcomer();
    const dir = path.join(await temporaryDirectory(), "it's a folder");
    const env = { HOME: undefined, SARMA_CACHE_DIR: await temporaryDirectory() };
    expect(await install(['--dir', dir], { env })).toMatchObject({ exitCode: 0 });
    expect((await run(path.join(dir, 'hello'), [], { env })).stdout).toBe(`hello ${NEW}\n`);
    await install(['--dir', dir, '--uninstall'], { env });
    expect(await filesBelow(path.dirname(dir))).toEqual([path.basename(dir)]);
  });

  test('leaves the files of the shell alone, unless it is asked to add the folder to PATH', async () => {
    const { home, bin, install } = await newcomer();
    const profile = path.join(home, '.profile');
    await writeFile(profile, 'echo mine');
    const env = { SHELL: '/bin/dash' };
    const { stdout } = await install([], { env });
    expect(stdout).toContain(`It is not in PATH. --modify-path adds this line to ${profile}:`);
    expect(await readFile(profile, 'utf8')).toBe('echo mine');

    await install(['--modify-path'], { env });
    await install(['--modify-path'], { env });
    const found = await run('sh', ['-c', '. ~/.profile && command -v hello'], { env: { HOME: home } });
    expect(found.stdout).toBe(`mine\n${bin}/hello\n`);
    expect((await readFile(profile, 'utf8')).split('\n')).toHaveLength(3);

    await install(['--uninstall'], { env });
    expect(await readFile(profile, 'utf8')).toBe('echo mine\n');
  });

  test('touches neither a program of somebody else nor the link of a package manager', async () => {
    const { bin, install } = await newcomer();
    const file = path.join(bin, 'hello');
    await mkdir(bin, { recursive: true });
    await writeFile(file, '#!/bin/sh\necho GNU hello\n', { mode: 0o755 });
    for (const args of [[], ['--uninstall']]) {
      expect((await install(args)).stderr).toContain(`${file} is another program than hello: move it away`);
    }
    expect((await run(file)).stdout).toBe('GNU hello\n');

    const linked = await newcomer();
    await mkdir(linked.bin, { recursive: true });
    await symlink(executable, path.join(linked.bin, 'hello'));
    expect((await linked.install()).stderr).toContain('is a link: remove it, or say another folder');
  });

  test('does nothing when it arrives in part', async () => {
    const { home, script, pipe } = await newcomer();
    const text = await readFile(script, 'utf8');
    const before = await filesBelow(home);
    const ends = Array.from({ length: 20 }, () => Math.floor(Math.random() * (text.trimEnd().length - 1)));
    place.takeRequests();
    for (const [index, end] of [...ends, text.lastIndexOf('"$@"'), text.lastIndexOf('}')].entries()) {
      const shell = shells[index % shells.length]!;
      await pipe([], { shell: lacks(shell[0]) ? ['sh'] : shell, input: text.slice(0, end) });
      expect([end, await filesBelow(home), place.takeRequests()]).toEqual([end, before, []]);
    }
  });

  test('goes through the proxy that the environment names, in small or in capital letters', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url!);
      response.writeHead(404).end();
    });
    const address = `http://127.0.0.1:${(await listening(proxy)).port}`;
    const { install } = await newcomer();
    for (const downloader of ['curl', 'wget'])
      for (const name of ['http_proxy', 'HTTP_PROXY']) {
        const env = {
          PATH: await pathWith(downloader, 'sha256sum'),
          NO_PROXY: '',
          no_proxy: '',
          [name]: address,
        };
        await install([], { env });
      }
    proxy.close();
    expect(asked).toEqual(Array(4).fill(`${place.url}latest.json`));
  });

  test.skipIf(lacks('openssl', 'curl', 'busybox'))(
    'takes nothing from a server that is another than it says, or that leads away from https',
    async () => {
      const folder = await temporaryDirectory();
      const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name)) as [string, string];
      const request = [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
      ];
      await run('openssl', [
        ...request,
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        cert,
      ]);
      // What busybox knows of TLS by itself.
      const tls = { maxVersion: 'TLSv1.2', ciphers: 'ALL:@SECLEVEL=0' } as const;
      const options = { key: await readFile(key), cert: await readFile(cert), ...tls };
      const server = createSecureServer(options, (asked, response) => {
        if (asked.url!.includes('led'))
          response.writeHead(302, { location: `${place.url}latest.json` }).end();
        else createReadStream(path.join(place.folder, asked.url!)).pipe(response);
      });
      const { port } = await listening(server);
      const { home, install } = await newcomer(['hello'], { url: `https://127.0.0.1:${port}/` });
      const before = await filesBelow(home);
      const errorOf = async (env: Readonly<Record<string, string>>) => (await install([], { env })).stderr;
      expect(await errorOf({ PATH: await pathWith('curl', 'sha256sum') })).toContain('curl: (60)');
      expect(await errorOf({ PATH: await busyboxAlone() })).toContain(
        'Nobody can tell who has answered (this wget takes any certificate)',
      );
      const led = await newcomer(['hello'], { url: `https://127.0.0.1:${port}/led/` });
      const trusting = { PATH: await pathWith('curl', 'sha256sum'), CURL_CA_BUNDLE: cert };
      expect((await led.install([], { env: trusting })).stderr).toContain(
        '/led/latest.json cannot be downloaded: curl: (1)',
      );
      expect(await filesBelow(home)).toEqual(before);
      server.close();
    },
  );

  test.skipIf(lacks('openssl', 'curl'))(
    'takes what comes by plain http from another machine with a checked signature, or with --insecure',
    async () => {
      // The other machine is behind a proxy on this one.
      const proxy = createServer((asked, response) =>
        createReadStream(path.join(place.folder, new URL(asked.url!).pathname)).pipe(response),
      );
      const proxied = {
        ...{ NO_PROXY: '', no_proxy: '', https_proxy: '' },
        http_proxy: `http://127.0.0.1:${(await listening(proxy)).port}`,
      };
      const url = 'http://hello.example/';
      const plain = { ...proxied, PATH: await pathWith('curl', 'sha256sum') };
      const checking = { ...proxied, PATH: await pathWith('curl', 'sha256sum', 'openssl') };
      const refusal = 'Nobody can tell who has answered (this is plain http)';

      const signed = await newcomer(['hello'], { url });
      const { stderr, exitCode } = await signed.install([], { env: plain });
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(refusal)]);
      expect(stderr).toContain('install minisign, or take it as it is with --insecure.');
      expect(await filesBelow(signed.home)).toEqual(['.cache']);
      expect((await signed.install([], { env: checking })).stdout).toContain(
        '(signature checked by openssl)',
      );

      const unsigned = await newcomer(['hello'], { url, publicKeys: [] });
      expect((await unsigned.install([], { env: checking })).stderr).toContain(refusal);
      expect(await filesBelow(unsigned.home)).toEqual(['.cache']);
      const insecure = await unsigned.install(['--insecure'], { env: plain });
      expect(insecure.stdout).toContain(`hello ${NEW} is in ${unsigned.bin} now (SHA-256 checked).`);
      proxy.close();
    },
  );

  test('knows its folder by every way of writing it', async () => {
    const { home, install } = await newcomer();
    const dir = path.join(home, 'bin');
    const env = { PATH: `${dir}/${path.delimiter}${process.env.PATH}` };
    expect((await install(['--dir', `${dir}/`], { env })).stdout).toMatch(/is in \/\S+\/bin now \(.*\)\.\n$/);
  });

  test('adds to the file of fish, and takes it out again', async () => {
    const { home, bin, install } = await newcomer();
    const config = path.join(home, '.config/fish/config.fish');
    const env = { SHELL: '/usr/bin/fish' };
    await install(['--modify-path'], { env });
    expect(await readFile(config, 'utf8')).toBe(
      `contains -- '${bin}' $PATH; or set -gx PATH '${bin}' $PATH # by the installer of hello\n`,
    );
    await install(['--uninstall'], { env });
    expect(existsSync(config)).toBe(false);
  });

  test('adds to the file that bash reads on a Mac, and makes no other that would hide it', async () => {
    const { home, bin, install } = await newcomer();
    await publishApart('5.0.0', [{ executable, target: `darwin-${process.arch}` }]);
    const PATH = await pathWith('curl', 'sha256sum', 'openssl');
    await rm(path.join(PATH, 'uname'));
    const uname = `#!/bin/sh\n[ "$1" = -s ] && echo Darwin || exec ${locate('uname')} "$@"\n`;
    await writeFile(path.join(PATH, 'uname'), uname, { mode: 0o755 });
    await writeFile(path.join(home, '.profile'), '');
    await install(['--modify-path', '--version', '5.0.0'], { env: { PATH } });
    expect(await readFile(path.join(home, '.profile'), 'utf8')).toContain(`export PATH='${bin}':`);
    expect(existsSync(path.join(home, '.bash_profile'))).toBe(false);
  });

  test('installs all programs of a release, or none of them', async () => {
    const { home, bin, install } = await newcomer(['hello', 'helloctl']);
    await publishApart('3.0.0', [{ executable }, { executable, program: 'helloctl' }]);
    await install(['--version', '3.0.0']);
    expect(await readdir(bin)).toEqual(['hello', 'helloctl']);
    await install(['--uninstall']);
    expect(await filesBelow(home)).toEqual(['.cache']);

    expect((await install(['--version', NEW])).stderr).toContain(`There is no hello ${NEW} for this machine`);
    expect(await filesBelow(home)).toEqual(['.cache']);
  });

  test('does not put a version in place that does not start on this machine', async () => {
    const { home, install } = await newcomer();
    const broken = path.join(await temporaryDirectory(), 'broken');
    const bytes = await readFile(executable);
    bytes.fill(0, bytes.length / 2, bytes.length / 2 + 1000);
    await writeFile(broken, bytes);
    await publishApart('4.0.0', [{ executable: broken }]);
    expect((await install(['--version', '4.0.0'])).stderr).toContain(
      'hello 4.0.0 does not start here. Nothing was changed.',
    );
    expect(await readdir(home)).toEqual(['.cache']);
  });
});

// The first bytes of /bin/sh as such systems have them: class of the ELF file, and the loader that it names.
const SYSTEMS: readonly (readonly [system: string, start: string, target: string])[] = [
  ['Alpine', '\x7fELF\x02\0\0\0/lib/ld-musl-x86_64.so.1\0', 'linux-x64-musl'],
  ['a 32-bit Debian on a 64-bit kernel', '\x7fELF\x01\0\0\0/lib/ld-linux.so.2\0', 'linux-x86'],
];

describe.skipIf(lacks('mounts', 'busybox') || process.arch !== 'x64')('install.sh looks for', () => {
  for (const [system, start, target] of SYSTEMS) {
    test(`${target} on ${system}`, async () => {
      const { script } = await newcomer();
      const shell = path.join(await temporaryDirectory(), 'sh');
      await writeFile(shell, start);
      const command = `mount --bind ${shell} /bin/sh && exec busybox sh ${script} --dir ${path.dirname(shell)}/bin`;
      const { stderr } = await run('unshare', ['-m', 'bash', '-c', command]);
      expect(stderr).toContain(`There is no hello ${NEW} for this machine (${target}); there is linux-x64.`);
    });
  }
});
