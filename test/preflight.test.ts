// What an executable says on a system that its Node cannot run on (promise P15). Each system is a directory that the
// executable runs in by chroot: with the loader and the libraries that such a system has, and nothing else.
import { execFileSync } from 'node:child_process';
import { copyFile, link, mkdir, readdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { nativeSample } from '../packages/wrapper/test/support/native-samples.ts';
import { standInNode } from '../packages/wrapper/test/support/stand-in-node.ts';
import { sharedLibrary } from './support/libraries.ts';
import { makeProgram, type Program, writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, type Transcript, temporaryDirectory, wrapProgram } from './support/run.ts';

interface Library {
  readonly name: string;
  readonly versions: readonly string[];
}

let program: Program;

beforeAll(async () => {
  program = await makeProgram(
    { name: 'hello', bin: 'main.js' },
    { 'main.js': `console.log('hello from', process.platform);` },
  );
});

/** A system: files by their paths in it, as bytes or as a path of this machine. */
async function system(
  files: Readonly<Record<string, Buffer | string>>,
  executable: string,
  name: string,
): Promise<string> {
  const root = await temporaryDirectory();
  await mkdir(path.join(root, 'root'), { mode: 0o700 });
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.join(root, path.dirname(file)), { recursive: true });
    if (typeof content === 'string') await copyFile(content, path.join(root, file));
    else await writeFile(path.join(root, file), content, { mode: 0o755 });
  }
  await link(executable, path.join(root, name)).catch(() => copyFile(executable, path.join(root, name)));
  return root;
}

async function runIn(root: string, name: string): Promise<Transcript> {
  return await run('/usr/sbin/chroot', [root, `/${name}`], {
    env: { HOME: '/root', XDG_CACHE_HOME: undefined },
  });
}

/** Exit status 125, one sentence, and nothing unpacked. */
async function refuses(root: string, name: string, sentence: string | RegExp): Promise<void> {
  const { stdout, stderr, exitCode } = await runIn(root, name);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 125 });
  if (typeof sentence === 'string') expect(stderr).toBe(`hello: ${sentence}\n`);
  else expect(stderr).toMatch(sentence);
  expect(await readdir(path.join(root, 'root'))).toEqual([]);
}

describe.skipIf(process.arch !== 'x64' || lacks('root'))('the build for linux-x64', () => {
  const LOADER = 'lib64/ld-linux-x86-64.so.2';
  const NAME = 'hello_linux-x64';
  let executable: string;
  let needed: readonly Library[];

  beforeAll(async () => {
    executable = await wrapProgram(program);
    const { manifest } = JSON.parse((await runCommand(['inspect', '--json', executable])).stdout);
    needed = manifest.requires.libraries;
  });

  /** A system with glibc that has just what Node needs, with these libraries instead of its own. */
  const glibc = async (instead: Readonly<Record<string, Buffer | null>> = {}, name = NAME) => {
    const libraries = {
      ...Object.fromEntries(needed.map((one) => [one.name, sharedLibrary(one.name, one.versions)])),
      ...instead,
    };
    const present = Object.entries(libraries).filter((entry): entry is [string, Buffer] => entry[1] !== null);
    const files = present.map(([library, bytes]) => [`usr/lib/x86_64-linux-gnu/${library}`, bytes] as const);
    return await system(
      { [LOADER]: Buffer.from('a loader'), ...Object.fromEntries(files) },
      executable,
      name,
    );
  };
  /** The library as it was before a version was added to it. */
  const without = (library: string, version: string) => {
    const { versions } = needed.find(({ name }) => name === library)!;
    return sharedLibrary(
      library,
      versions.filter((one) => one !== version),
    );
  };

  /** A system with this machine's loader and libraries. */
  const ours = async () => {
    const lines = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).split('\n');
    const found = lines.flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []);
    const files = await Promise.all(
      found.map(async (file) => [file.replace(/^\//, ''), await realpath(file)] as const),
    );
    return await system(Object.fromEntries(files), executable, NAME);
  };

  test('runs where there is what it needs, and nothing else', async () => {
    expect(await runIn(await ours(), NAME)).toMatchObject({
      stdout: 'hello from linux\n',
      stderr: '',
      exitCode: 0,
    });
  });

  test('names the build for musl on a system with musl', async () => {
    const alpine = await system({ 'lib/ld-musl-x86_64.so.1': Buffer.from('a loader') }, executable, NAME);
    await refuses(
      alpine,
      NAME,
      'this is the build for Linux with glibc (linux-x64), and this system has musl: take hello_linux-x64-musl, the build for musl, or a system with glibc such as Debian (image debian:slim)',
    );
  });

  test('names it as it is called itself, where it is called otherwise', async () => {
    const loader = { 'lib/ld-musl-x86_64.so.1': Buffer.from('a loader') };
    await refuses(
      await system(loader, executable, 'greet_linux-x64'),
      'greet_linux-x64',
      /take greet_linux-x64-musl,/,
    );
    await refuses(await system(loader, executable, 'greet'), 'greet', /take hello_linux-x64-musl,/);
  });

  test('says which glibc it needs, and which there is', async () => {
    const root = await glibc({
      'libc.so.6': sharedLibrary('libc.so.6', ['GLIBC_2.2.5', 'GLIBC_2.4', 'GLIBC_2.17']),
    });
    await refuses(
      root,
      NAME,
      /^hello: this program needs glibc 2\.\d+ or newer, and this system has 2\.17; use a newer system, or a build of this program with an older Node\n$/,
    );
    await refuses(
      await glibc({ 'libc.so.6': without('libc.so.6', 'GLIBC_2.28') }),
      NAME,
      /needs glibc 2\.28 or newer/,
    );
  });

  test('says that libstdc++ is too old', async () => {
    const { versions } = needed.find(({ name }) => name === 'libstdc++.so.6')!;
    const newest = versions.filter((one) => one.startsWith('GLIBCXX_')).at(-1)!;
    await refuses(
      await glibc({ 'libstdc++.so.6': without('libstdc++.so.6', newest) }),
      NAME,
      new RegExp(`needs libstdc\\+\\+\\.so\\.6 with ${newest}, and this system's goes up to GLIBCXX_3\\.`),
    );
  });

  test('names the file of the release that needs a newer glibc than Node does', async () => {
    const project = await temporaryDirectory();
    await writeFiles(project, {
      'package.json': JSON.stringify({ name: 'hello', version: '1.0.0', bin: 'main.js' }),
      'main.js': '',
    });
    const addon = nativeSample({ kind: 'library', target: 'x86_64-linux-gnu', libc: 'glibc' });
    await writeFile(path.join(project, 'addon.node'), addon);
    const own = await wrapProgram({ directory: project, entry: 'main.js' });
    const libraries = needed.map((one) => [`usr/lib/${one.name}`, sharedLibrary(one.name, one.versions)]);
    const root = await system(
      { [LOADER]: Buffer.from('a loader'), ...Object.fromEntries(libraries) },
      own,
      NAME,
    );
    await refuses(
      root,
      NAME,
      /^hello: lib\/hello-1\.0\.0\/addon\.node needs glibc 2\.33 or newer, and this system has 2\.28; use a newer system, or a build of this program without that file\n$/,
    );
  });

  test.each([
    ['libstdc++.so.6', 'Debian: libstdc++6'],
    ['libgcc_s.so.1', 'Debian: libgcc-s1'],
  ])('says that %s is not installed, and what has it', async (library, advice) => {
    await refuses(
      await glibc({ [library]: null }),
      NAME,
      new RegExp(
        `this program needs ${library.replaceAll('+', '\\+')}, which is not installed; install it \\(${advice.replaceAll('+', '\\+')},`,
      ),
    );
  });

  test('does not take a library of another CPU for the one it needs', async () => {
    const arm = sharedLibrary('libstdc++.so.6', [], 'aarch64-linux-gnu');
    await refuses(
      await glibc({ 'libstdc++.so.6': arm }),
      NAME,
      /needs libstdc\+\+\.so\.6, which is not installed/,
    );
  });

  test('says that glibc is not there at all, or only the 32-bit one', async () => {
    await refuses(
      await system({}, executable, NAME),
      NAME,
      /its loader \/lib64\/ld-linux-x86-64\.so\.2 is not here; install glibc/,
    );
    const narrow = await system({ 'lib/ld-linux.so.2': Buffer.from('a loader') }, executable, NAME);
    await refuses(narrow, NAME, /this system is a 32-bit one on a 64-bit kernel/);
  });

  test('compares again where a home meets another system, and not where it stays', async () => {
    const [debian, alpine, old] = [
      await ours(),
      await system({ 'lib/ld-musl-x86_64.so.1': Buffer.from('a loader') }, executable, NAME),
      await glibc({ 'libc.so.6': sharedLibrary('libc.so.6', ['GLIBC_2.17']) }),
    ];
    const moveHome = async (from: string, to: string) => {
      await rename(path.join(to, 'root'), path.join(to, 'empty'));
      await rename(path.join(from, 'root'), path.join(to, 'root'));
      await rename(path.join(to, 'empty'), path.join(from, 'root'));
    };
    const steps = async (root: string) =>
      (
        await run('/usr/sbin/chroot', [root, `/${NAME}`], {
          env: { HOME: '/root', XDG_CACHE_HOME: undefined, SARMA_DEBUG: '1' },
        })
      ).stderr;
    expect(await steps(debian)).toContain('the host has the');
    expect(await steps(debian)).not.toContain('the host has the');
    await moveHome(debian, alpine);
    expect(await runIn(alpine, NAME)).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('take hello_linux-x64-musl'),
    });
    await moveHome(alpine, old);
    expect(await runIn(old, NAME)).toMatchObject({
      exitCode: 125,
      stderr: expect.stringContaining('and this system has 2.17'),
    });
    await moveHome(old, debian);
    expect(await runIn(debian, NAME)).toMatchObject({ stdout: 'hello from linux\n', exitCode: 0 });
  });
});

const MUSL = '/lib/ld-musl-x86_64.so.1';

// No Node for musl can be had on every machine: a program that is linked with musl stands for it.
describe.skipIf(process.arch !== 'x64' || lacks('root', 'musl'))('the build for linux-x64-musl', () => {
  const NAME = 'hello_linux-x64-musl';
  let executable: string;
  let withLibrary: string;

  beforeAll(async () => {
    const wrapped = async (node: Buffer) => {
      const runtime = path.join(await temporaryDirectory(), 'node');
      await writeFile(runtime, node, { mode: 0o755 });
      return await wrapProgram(program, ['-t', 'linux-x64-musl', '--runtime', runtime]);
    };
    executable = await wrapped(standInNode('x86_64-linux-musl', '24.11.0'));
    const library = path.join(await temporaryDirectory(), 'libstdc++.so.6');
    await writeFile(library, sharedLibrary('libstdc++.so.6', [], 'x86_64-linux-musl'));
    withLibrary = await wrapped(standInNode('x86_64-linux-musl', '24.11.0', library));
  });

  test('starts its Node where there is musl', async () => {
    const alpine = await system({ [MUSL]: await realpath(MUSL) }, executable, NAME);
    expect(await runIn(alpine, NAME)).toMatchObject({
      stdout: expect.stringMatching(
        /^node\.js\/v24\.11\.0 runs \/root\/\.cache\/sarma\/releases\/hello-.*\/main\.js\n$/,
      ),
      stderr: '',
      exitCode: 0,
    });
  });

  test('names the build for glibc where there is none', async () => {
    const debian = await system({ 'lib64/ld-linux-x86-64.so.2': Buffer.from('a loader') }, executable, NAME);
    await refuses(
      debian,
      NAME,
      `this is the build for Linux with musl (linux-x64-musl), and ${MUSL} is not here: take hello_linux-x64, the build for glibc`,
    );
  });

  test('says that libstdc++ is not installed, and finds it where musl does', async () => {
    const alpine = { [MUSL]: await realpath(MUSL) };
    await refuses(
      await system(alpine, withLibrary, NAME),
      NAME,
      /needs libstdc\+\+\.so\.6, which is not installed; install it \(.*Alpine: libstdc\+\+/,
    );
    const library = sharedLibrary('libstdc++.so.6', [], 'x86_64-linux-musl');
    const works = { stdout: expect.stringContaining('node.js/v24.11.0 runs'), stderr: '', exitCode: 0 };
    const standard = await system({ ...alpine, 'usr/lib/libstdc++.so.6': library }, withLibrary, NAME);
    expect(await runIn(standard, NAME)).toMatchObject(works);
    const own = {
      'etc/ld-musl-x86_64.path': Buffer.from('/opt/a\n/opt/b\n'),
      'opt/b/libstdc++.so.6': library,
    };
    expect(await runIn(await system({ ...alpine, ...own }, withLibrary, NAME), NAME)).toMatchObject(works);
  });
});

describe('the build for linux-armv7l', () => {
  let executable: string;

  beforeAll(async () => {
    const runtime = path.join(await temporaryDirectory(), 'node');
    await writeFile(runtime, standInNode('arm-linux-gnueabihf', '22.11.0', undefined, 'cortex_a9'));
    executable = await wrapProgram(program, ['-t', 'linux-armv7l', '--runtime', runtime]);
  });

  test.skipIf(lacks('qemu-arm-static')).each([
    ['arm1176', 'ARMv7'],
    ['cortex-a9,neon=off', 'NEON'],
  ])('says on the CPU %s that it lacks %s', async (cpu, feature) => {
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    const { stderr, exitCode } = await run('qemu-arm-static', ['-cpu', cpu, executable], { env });
    expect(stderr).toBe(
      `hello: this is the build for linux-armv7l, and this CPU is too old for it: Node needs ${feature}; use another machine\n`,
    );
    expect(exitCode).toBe(125);
    expect(await readdir(env.SARMA_CACHE_DIR)).toEqual([]);
  });

  test.skipIf(lacks('qemu-arm-static'))('goes on to its libraries on a CPU that does', async () => {
    const env = { SARMA_CACHE_DIR: await temporaryDirectory() };
    const { stderr } = await run('qemu-arm-static', ['-cpu', 'cortex-a9', executable], { env });
    expect(stderr).not.toContain('CPU');
    expect(stderr).toContain('/lib/ld-linux-armhf.so.3 is not here');
  });
});

describe.skipIf(process.arch !== 'x64' || lacks('root', 'arm64'))('the build for linux-arm64', () => {
  test('names the 32-bit build on a 32-bit system with a 64-bit kernel', async () => {
    const runtime = path.join(await temporaryDirectory(), 'node');
    await writeFile(runtime, standInNode('aarch64-linux-gnu', '24.11.0'));
    const executable = await wrapProgram(program, ['-t', 'linux-arm64', '--runtime', runtime]);
    const raspbian = await system(
      { 'lib/ld-linux-armhf.so.3': Buffer.from('a loader') },
      executable,
      'hello',
    );
    await refuses(
      raspbian,
      'hello',
      /a 32-bit one on a 64-bit kernel: take hello_linux-armv7l, the build for it\n$/,
    );
  });
});

test.skipIf(process.platform !== 'linux')(
  'of another architecture, the kernel refuses the file before the stub could say anything',
  async () => {
    const runtime = path.join(await temporaryDirectory(), 'node');
    await writeFile(runtime, standInNode('x86_64-linux-musl', '24.11.0'));
    const file = await wrapProgram(program, ['-t', 'linux-x64-musl', '--runtime', runtime]);
    const foreign = Buffer.from(await readFile(file));
    // EM_ALPHA of the ELF header: nobody has one, and nobody emulates it.
    foreign.writeUInt16LE(0x9027, 18);
    await writeFile(`${file}.alpha`, foreign, { mode: 0o755 });
    const { stderr, exitCode } = await run('bash', ['-c', '"$0"', `${file}.alpha`], { env: { LC_ALL: 'C' } });
    expect({ stderr, exitCode }).toMatchObject({
      stderr: expect.stringContaining('Exec format error'),
      exitCode: 126,
    });
  },
);
