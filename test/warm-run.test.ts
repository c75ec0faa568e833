// Every run after the first (promises P5 and P12): what is opened, what is written, what the program gets to see.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeProgram, type Program, writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { installed, makeService } from './support/services.ts';
import { callsOf } from './support/strace.ts';

let program: Program;
let file: string;
let base: string;
/** More than are looked at every time. */
const DIRECTORIES = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`many/${n}/file.txt`, `${n}`]));
/** A directory full of files that other tools would read. */
let cwd: string;

beforeAll(async () => {
  program = await makeProgram(
    { name: 'warm', bin: 'main.js', type: 'module' },
    {
      'main.js': `
        import { readFileSync } from 'node:fs';
        if (process.argv[2] === 'environment') console.log(JSON.stringify(process.env));
        else console.log(readFileSync(new URL('asset.txt', import.meta.url), 'utf8'));
      `,
      'asset.txt': 'asset',
      ...DIRECTORIES,
    },
  );
  file = await wrapProgram(program);
  base = await temporaryDirectory();
  cwd = await temporaryDirectory();
  await writeFiles(cwd, {
    '.env': 'NODE_OPTIONS=--no-such-option',
    '.npmrc': 'node-options=--no-such-option',
    'bunfig.toml': 'preload = ["./preload.js"]',
    'node.config.json': '{ "nodeOptions": { "import": "./preload.js" } }',
    'package.json': '{ "type": "commonjs", "main": "nothing.js" }',
    'preload.js': 'throw new Error("loaded")',
    'sarma.config.ts': 'throw new Error("loaded")',
    'tsconfig.json': '{',
  });
  await run(file, [], { env: { SARMA_CACHE_DIR: base } });
});

interface Call {
  readonly call: string;
  readonly text: string;
}

/** The system calls of the whole run; those of the stub are before the second `execve`. */
async function trace(what: string, options: { readonly cwd?: string } = {}) {
  const log = path.join(await temporaryDirectory(), 'trace');
  const { stdout, stderr, exitCode } = await run(
    'strace',
    ['-f', '-qq', '-s', '1000', '-e', `trace=${what}`, '-o', log, file],
    { ...options, env: { SARMA_CACHE_DIR: base } },
  );
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'asset\n', stderr: '', exitCode: 0 });
  const calls = (await readFile(log, 'utf8'))
    .split('\n')
    .map((text) => ({ call: /^\d+ +(\w+)\(/.exec(text)?.[1] ?? '', text }));
  const executions = calls.flatMap(({ call }, index) => (call === 'execve' ? [index] : []));
  expect(executions).toHaveLength(2);
  return { stub: calls.slice(executions[0]! + 1, executions[1]), node: calls.slice(executions[1]! + 1) };
}

const paths = (calls: readonly Call[]) => calls.flatMap(({ text }) => /"([^"]*)"/.exec(text)?.[1] ?? []);

describe.skipIf(lacks('strace'))('the stub of a warm run', () => {
  test('opens the two installs and their markers, and nothing of the payload or of its own file', async () => {
    const { stub } = await trace('execve,open,openat,openat2,creat');
    const opened = paths(stub).map((name) => name.replace(/-[0-9a-f]{12}$/, ''));
    expect([...new Set(opened)]).toEqual([
      expect.stringMatching(/^\/.*\/runtimes\/node-[^/]*$/),
      '.sarma/marker',
      '/proc/sys/kernel/random/boot_id',
      expect.stringMatching(/^\/.*\/releases\/warm-1\.0\.0$/),
    ]);
  });

  test('writes nothing and changes nothing', async () => {
    const { stub } = await trace('all');
    const allowed = new Set([
      ...[
        'arch_prctl',
        'close',
        'fcntl',
        'flock',
        'fstatfs',
        'geteuid',
        'getegid',
        'getuid',
        'getgid',
        'openat',
      ],
      ...['prlimit64', 'pread64', 'read', 'readlinkat', 'statfs', 'statx', 'mmap', 'munmap', 'clock_gettime'],
    ]);
    expect(stub.filter(({ call }) => !allowed.has(call))).toEqual([]);
    expect(stub.filter(({ text }) => /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(text))).toEqual([]);
  });
});

describe.skipIf(lacks('strace', 'mounts'))(
  'the stub of a warm run makes the system calls that docs/executable.md explains',
  () => {
    const much = { 'much.js': `// ${'-'.repeat(250_000)}\n` };

    test.each([
      ['a program of more than 64 directories', {}, '[ ! -e'],
      ['one that has a compile cache, too', much, '[ -d'],
    ])('and no other, for %s', async (_, more: Readonly<Record<string, string>>, is) => {
      const other = await makeProgram(
        { name: 'counted', bin: 'main.js' },
        { ...DIRECTORIES, ...more, 'main.js': 'console.log("asset");' },
      );
      // Directly below the root: each directory above the install is one look more.
      const inFirst = `mount -t tmpfs -o mode=755 tmpfs /mnt && "$0" && ${is} /mnt/releases/*/.sarma/compile-cache ] && exec "$@"`;
      const executable = await wrapProgram(other);
      const calls = await callsOf(['all'], executable, [], {
        under: ['env', 'SARMA_CACHE_DIR=/mnt', 'HOME=/mnt', 'unshare', '-m', 'sh', '-c', inFirst, executable],
        cwd,
      });
      const counted = Object.groupBy(calls, ({ name }) => name);
      expect(Object.fromEntries(Object.entries(counted).map(([name, all]) => [name, all!.length]))).toEqual({
        ...{ arch_prctl: 1, readlinkat: 1, statfs: 1, statx: 26, openat: 5, flock: 2, read: 3, close: 3 },
        ...{ fcntl: 5, clock_gettime: 4 },
      });
    });
  },
);

describe.skipIf(lacks('strace'))(
  'no file of the working directory, which is full of what other tools would read, is looked at',
  () => {
    /** Everything that a run and what it starts ask about files there. */
    async function lookedAt(
      command: string,
      args: readonly string[],
      env: NodeJS.ProcessEnv,
    ): Promise<string[]> {
      const log = path.join(await temporaryDirectory(), 'trace');
      const options = ['-f', '-qq', '-s', '4096', '-e', 'trace=%file', '-o', log];
      const { stdout, stderr, exitCode } = await run('strace', [...options, command, ...args], { cwd, env });
      expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'asset\n', stderr: '', exitCode: 0 });
      const lines = (await readFile(log, 'utf8')).split('\n');
      expect(lines.some((line) => line.includes('/releases/'))).toBe(true);
      // Where a link leads is no file that is looked at, and a shell asks where it is.
      const others = lines.filter((line) => !/^\d+ +symlinkat\(|\((AT_FDCWD, )?"\."/.test(line));
      return others.filter((line) => line.includes(`"${cwd}/`) || /^\d+ +\w+\((AT_FDCWD, )?"[^/]/.test(line));
    }

    test('by the stub and Node, on a warm run', async () => {
      expect(await lookedAt(file, [], { SARMA_CACHE_DIR: base })).toEqual([]);
    });

    test('by the stub and Node, on a first run', async () => {
      expect(await lookedAt(file, [], { SARMA_CACHE_DIR: await temporaryDirectory() })).toEqual([]);
    });

    test.each([
      ['the boot', {}],
      ['the script of a release with an env.sh, the boot', { 'rel/env.sh': 'export FROM_ENV_SH=1\n' }],
    ])('by the stub, %s and Node of a service', async (_, files: Readonly<Record<string, string>>) => {
      const service = await makeService('looking', {
        'application.ts': `
        import { defineApplication } from '@sarma/app';
        export default defineApplication({
          start() {
            console.log('asset');
            setImmediate(() => process.kill(process.pid, 'SIGTERM'));
          },
        });`,
        ...files,
      });
      const { command, env } = await installed(await wrapProgram(service));
      expect(await lookedAt(command, ['start'], env)).toEqual([]);
      expect(await lookedAt(command, ['start'], env)).toEqual([]);
    });
  },
);

test('the environment of the program differs from that of Node by SARMA_BIN alone', async () => {
  const env = { SARMA_CACHE_DIR: base, WITH_NEWLINE: 'a\nb', EMPTY: '', PWD: '/somewhere/else' };
  const plain = await run(process.execPath, [path.join(program.directory, 'main.js'), 'environment'], {
    env,
  });
  const wrapped = await run(file, ['environment'], { env });
  expect(JSON.parse(wrapped.stdout)).toEqual({ ...JSON.parse(plain.stdout), SARMA_BIN: file });
});

test('SARMA_BIN is the absolute path of the executable, however it was started', async () => {
  const env = {
    SARMA_CACHE_DIR: base,
    PATH: `${path.dirname(file)}:${process.env.PATH}`,
    SARMA_BIN: '/other',
  };
  const started = [
    await run('./app', ['environment'], { cwd: path.dirname(file), env }),
    await run('app', ['environment'], { env }),
    await run('sh', ['-c', `ln -sf "${file}" link; exec ./link environment`], { cwd, env }),
  ];
  for (const { stdout } of started) expect(JSON.parse(stdout).SARMA_BIN).toBe(file);
});

test('nothing of the machine that built it is in the file', async () => {
  const bytes = await readFile(file);
  const needles = [
    program.directory,
    path.resolve(import.meta.dirname, '..'),
    process.env.HOME!,
    process.env.PATH!,
  ];
  for (const needle of needles) expect({ needle, at: bytes.indexOf(needle) }).toEqual({ needle, at: -1 });
});

describe('the first run', () => {
  /** Takes more than a second longer than it would. */
  const slowly = (log: string) => [
    ...['strace', '-f', '-qq', '-o', log, '-e', 'trace=pwrite64'],
    ...['-e', 'inject=pwrite64:delay_enter=1200000:when=1', file],
  ];

  test.skipIf(lacks('strace'))(
    'says nothing where stderr is no terminal, however long it takes',
    async () => {
      const [command, ...args] = slowly('/dev/null');
      const result = await run(command!, args, { env: { SARMA_CACHE_DIR: await temporaryDirectory() } });
      expect(result).toEqual({ stdout: 'asset\n', stderr: '', exitCode: 0, signal: undefined });
    },
  );

  test.skipIf(lacks('strace', 'script'))('shows a line on a terminal, and erases it', async () => {
    const { stdout } = await run('script', ['-qec', slowly('/dev/null').join(' '), '/dev/null'], {
      env: { SARMA_CACHE_DIR: await temporaryDirectory() },
    });
    const erase = '\u001b[K';
    const lines = stdout.split('\r').filter((line) => line !== '');
    expect(lines.slice(-3)).toEqual([expect.stringContaining(erase), `${erase}asset`, '\n']);
    for (const line of lines.slice(0, -2)) expect(line).toMatch(/^warm: first run, unpacking … \d+ %/);
  });

  test.skipIf(lacks('script'))('shows nothing on a terminal that only stdout is', async () => {
    const { stdout } = await run('script', ['-qec', `${file} 2>/dev/null`, '/dev/null'], {
      env: { SARMA_CACHE_DIR: await temporaryDirectory() },
    });
    expect(stdout).toBe('asset\r\n');
  });
});

test('SARMA_DEBUG=1 tells every decision on stderr, and only there', async () => {
  const { stdout, stderr } = await run(file, [], { env: { SARMA_CACHE_DIR: base, SARMA_DEBUG: '1' } });
  expect(stdout).toBe('asset\n');
  for (const line of stderr.trim().split('\n')) expect(line).toMatch(/^sarma \d+\.\d{3} ms: /);
  expect(stderr).toContain('runtime whole, release whole');
});
