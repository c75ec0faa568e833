// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders of vm.args look like JavaScript's
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadRelease } from '../src/index.ts';
import type { Release } from '../src/release.ts';
import { addScripts, type Scripts } from '../src/scripts/scripts.ts';
import { type Tree, writeTree } from '../src/tree.ts';
import { project, write } from './support/project.ts';

type Shell = readonly [string, ...string[]];

const shells = [['dash'], ['bash', '--posix'], ['busybox', 'sh']] as const;
/** Absolute, since tests change the PATH. */
const present = shells.flatMap(([program, ...options]) => {
  const found = spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim();
  if (found === '') console.log(`${program} is not installed: bin/<name> is not tested with it.`);
  const shell: Shell = [found, ...options];
  return found === '' ? [] : [{ program, shell }];
});

const line = process.versions.node.split('.')[0];
const ownRuntime = `runtime-${process.versions.node}/bin/node`;

/** Says as JSON how it was started. */
const probe = `const { argv, execArgv, execPath, pid, ppid, env } = process;
console.log(JSON.stringify({ args: argv.slice(2), file: argv[1], execArgv, execPath, pid, ppid, env }));`;

interface Started {
  readonly args: string[];
  readonly file: string;
  readonly execArgv: string[];
  readonly execPath: string;
  readonly pid: number;
  readonly env: Record<string, string>;
}

interface Given {
  readonly kind?: Release['kind'];
  readonly files?: Readonly<Record<string, string>>;
  readonly runtime?: string | null;
  readonly nodeLine?: number | null;
  readonly at?: string;
}

/** A small release of a project, with the real Node as its runtime. Returns its root. */
async function assembled(given: Given = {}): Promise<{ root: string; scripts: Scripts; tree: Tree }> {
  const {
    kind = 'service',
    files = {},
    runtime = ownRuntime,
    nodeLine = Number(line),
    at = 'release',
  } = given;
  const source = project({
    'package.json': { name: 'kv', version: '0.1.0', main: 'main.js', sarma: {} },
    'main.js': '',
    ...files,
  });
  const release: Release = { ...(await loadRelease({ project: source })), kind };
  const entry = kind === 'service' ? 'releases/0.1.0/boot.cjs' : 'lib/kv-0.1.0/main.mjs';
  const tree: Tree = new Map();
  const scripts = await addScripts(tree, release, { kv: entry });
  const text = (value: string | object) =>
    ({
      type: 'text',
      text: typeof value === 'string' ? value : JSON.stringify(value, null, 2),
      mode: 0o644,
    }) as const;
  tree.set(entry, text(probe));
  tree.set('releases/start.json', text({ version: '0.1.0', runtime }));
  const said = { name: 'kv', version: '0.1.0', kind, environment: 'prod', nodeLine, entries: { kv: entry } };
  tree.set('releases/0.1.0/release.json', text(said));
  const root = path.join(path.dirname(source), at);
  await writeTree(root, tree);
  if (runtime !== null) {
    mkdirSync(path.join(root, path.dirname(runtime)), { recursive: true });
    symlinkSync(process.execPath, path.join(root, runtime));
  }
  return { root, scripts, tree };
}

interface Call {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

function call(shell: Shell, file: string, { args = [], env = {}, cwd }: Call = {}) {
  const [program, ...options] = shell;
  return spawnSync(program, [...options, file, ...args], {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
}

function start(shell: Shell, file: string, given: Call = {}): Started {
  const { status, stdout, stderr } = call(shell, file, given);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

const bin = (root: string) => path.join(root, 'bin/kv');

describe.each(present)('bin/<name> with $program', ({ shell }) => {
  test('starts the boot with the runtime of the release and says what it is', async () => {
    const { root } = await assembled();
    const { file, args, execArgv, env } = start(shell, bin(root), { args: ['rpc', '1 + 1'] });
    expect(file).toBe(path.join(root, 'releases/0.1.0/boot.cjs'));
    expect({ args, execArgv }).toEqual({ args: ['rpc', '1 + 1'], execArgv: [] });
    expect(env).toMatchObject({
      RELEASE_ROOT: root,
      RELEASE_NAME: 'kv',
      RELEASE_VSN: '0.1.0',
      RELEASE_PROG: bin(root),
      RELEASE_COMMAND: 'rpc',
    });
    expect(start(shell, bin(root)).env.RELEASE_COMMAND).toBe('start');
  });

  test('adds nothing else to the environment, whatever is in it', async () => {
    const { root } = await assembled({ files: { 'rel/vm.args': '--no-warnings' } });
    const given = { line: 'a', root: 'b', version: 'c', name: 'd', count: '3' };
    const { env } = start(shell, bin(root), { env: given });
    expect(env).toMatchObject(given);
    const added = Object.keys(env).filter((key) => !(key in given) && !key.startsWith('RELEASE_'));
    // What the shells themselves set.
    expect(added.filter((key) => !['PATH', 'PWD', 'OLDPWD', 'SHLVL', '_'].includes(key))).toEqual([]);
  });

  test('passes every argument on as it is', async () => {
    const { root } = await assembled({ files: { 'rel/vm.args': '--no-warnings\n--title=a b' } });
    const args = [
      'start',
      '',
      ' ',
      '*',
      '-n',
      '--',
      '$HOME',
      '`id`',
      '"',
      "'",
      '\\',
      'a\nb\n',
      'ü→',
      '${X}',
      '!',
    ];
    expect(start(shell, bin(root), { args }).args).toEqual(args);
  });

  test('is found through links, in places with spaces and accents, and from its own folder', async () => {
    const { root } = await assembled({ at: 'dépôt $(x) "q"/-kv relé' });
    const links = path.join(path.dirname(root), 'links');
    mkdirSync(links);
    symlinkSync(path.relative(links, bin(root)), path.join(links, 'first'));
    symlinkSync(path.join(links, 'first'), path.join(links, 'second'));
    const file = path.join(root, 'releases/0.1.0/boot.cjs');
    expect(start(shell, path.join(links, 'second')).file).toBe(file);
    expect(start(shell, 'kv', { cwd: path.join(root, 'bin') }).file).toBe(file);
    expect(start(shell, './-kv relé/bin/kv', { cwd: path.dirname(root), env: { CDPATH: '/' } }).file).toBe(
      file,
    );
  });

  test('keeps its process', async () => {
    const { root } = await assembled({ files: { 'rel/env.sh': 'true', 'rel/vm.args': '--no-warnings' } });
    const child = spawn(shell[0], [...shell.slice(1), bin(root)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { pid } = JSON.parse((await child.stdout.toArray()).join(''));
    expect(pid).toBe(child.pid);
  });

  test('starts another version that is here when RELEASE_VSN or start.json names it', async () => {
    const { root } = await assembled();
    cpSync(path.join(root, 'releases/0.1.0'), path.join(root, 'releases/0.0.9'), { recursive: true });
    const old = path.join(root, 'releases/0.0.9/boot.cjs');
    const { file, env } = start(shell, bin(root), { env: { RELEASE_VSN: '0.0.9' } });
    expect([file, env.RELEASE_VSN]).toEqual([old, '0.0.9']);
    for (const RELEASE_VSN of ['7', '../releases/0.1.0', '.']) {
      const { status, stderr } = call(shell, bin(root), { env: { RELEASE_VSN } });
      expect(status).toBe(1);
      expect(stderr).toBe(`kv: version "${RELEASE_VSN}" is not in ${root}, which has: 0.0.9 0.1.0.\n`);
    }
    write(root, { 'releases/start.json': `{"runtime":"${ownRuntime}","version" : "0.0.9"}` });
    expect(start(shell, bin(root)).file).toBe(old);
  });

  test('passes on to a version that came later, which says what was called', async () => {
    const { root } = await assembled();
    const later = path.join(root, 'versions/0.2.0');
    const files = ['bin', 'releases', path.dirname(path.dirname(ownRuntime))];
    for (const name of files) cpSync(path.join(root, name), path.join(later, name), { recursive: true });
    renameSync(path.join(later, 'releases/0.1.0'), path.join(later, 'releases/0.2.0'));
    write(later, { 'releases/start.json': `{"version":"0.2.0","runtime":"${ownRuntime}"}` });
    const called = start(shell, bin(root), { env: { RELEASE_VSN: '0.2.0' }, args: ['a b', ''] });
    expect(called.file).toBe(path.join(later, 'releases/0.2.0/boot.cjs'));
    expect(called.args).toEqual(['a b', '']);
    expect(called.env).toMatchObject({ RELEASE_ROOT: later, RELEASE_VSN: '0.2.0', RELEASE_PROG: bin(root) });
    expect(called.env).not.toHaveProperty('SARMA_CALLED');
    write(root, { 'releases/start.json': `{"version":"0.2.0","runtime":"${ownRuntime}"}` });
    expect(start(shell, bin(root)).file).toBe(called.file);
    // Whichever of the versions a child is one of, they are the same release.
    for (const RELEASE_ROOT of [root, later, path.join(root, 'versions/0.3.0')])
      expect(start(shell, bin(root), { env: { RELEASE_ROOT, RELEASE_NODE: 'two' } }).env).toMatchObject({
        RELEASE_NODE: 'two',
      });
    expect(start(shell, bin(root), { env: { RELEASE_VSN: '0.1.0' } }).file).toBe(
      path.join(root, 'releases/0.1.0/boot.cjs'),
    );
  });

  test('forgets what another release set for its children', async () => {
    const { root } = await assembled();
    const foreign = {
      RELEASE_VSN: '9.9.9',
      RELEASE_NODE: 'other',
      RELEASE_COOKIE: 'x',
      RELEASE_VM_ARGS: '/none',
    };
    const { env } = start(shell, bin(root), { env: { ...foreign, RELEASE_ROOT: '/elsewhere' } });
    expect(env).toMatchObject({ RELEASE_ROOT: root, RELEASE_VSN: '0.1.0' });
    expect(env).not.toHaveProperty('RELEASE_NODE');
    expect(env).not.toHaveProperty('RELEASE_COOKIE');
    const { RELEASE_NODE, RELEASE_COOKIE } = foreign;
    expect(start(shell, bin(root), { env: { RELEASE_NODE, RELEASE_COOKIE } }).env).toMatchObject({
      RELEASE_NODE,
      RELEASE_COOKIE,
    });
    expect(start(shell, bin(root), { env: { RELEASE_NODE, RELEASE_ROOT: root } }).env).toMatchObject({
      RELEASE_NODE,
    });
  });

  test('lets env.sh read and set RELEASE_*, and see the arguments', async () => {
    const env = `RELEASE_NODE="$RELEASE_NAME-$RELEASE_COMMAND-$2"\nexport EXTRA="$RELEASE_ROOT|$RELEASE_VSN"\nLOCAL=1\n`;
    const { root, scripts } = await assembled({ files: { 'rel/env.sh': env } });
    expect(scripts.shell).toBe(true);
    const started = start(shell, bin(root), { args: ['start', 'b c'] });
    expect(started.env).toMatchObject({ RELEASE_NODE: 'kv-start-b c', EXTRA: `${root}|0.1.0` });
    expect(started.env).not.toHaveProperty('LOCAL');
  });

  test('does not start when env.sh fails', async () => {
    const { root } = await assembled({ files: { 'rel/env.sh': '(exit 3)\n' } });
    const { status, stdout, stderr } = call(shell, bin(root));
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    const file = `${root}/releases/0.1.0/env.sh`;
    expect(stderr).toContain(`kv: ${file} ended with status 3. It runs with "set -e",`);
    expect(stderr).toContain(`sh -ex "${file}"`);
  });

  test('starts where the last test of env.sh is false, as where any other is', async () => {
    const text = '[ -n "$NONE" ] && export A=1\nexport B=1\n[ -n "$NONE" ] && export C=1';
    const { root } = await assembled({ files: { 'rel/env.sh': text } });
    const { A, B, C } = start(shell, bin(root)).env;
    expect({ A, B, C }).toEqual({ B: '1' });
  });

  test('gives Node a line of vm.args as one argument', async () => {
    const files = {
      'rel/vm.args':
        '# heap\n\n  --max-old-space-size=99  \r\n--title=a "b" $HOME `id`\n-r\n./pre load.cjs\n-kv port 4000',
      'pre load.cjs': '',
    };
    const { root } = await assembled({ files });
    write(root, { 'pre load.cjs': '' });
    expect(start(shell, bin(root), { cwd: root }).execArgv).toEqual([
      '--max-old-space-size=99',
      '--title=a "b" $HOME `id`',
      '-r',
      './pre load.cjs',
    ]);
  });

  test('replaces ${VAR} in vm.args only if REPLACE_OS_VARS is true, and evaluates nothing', async () => {
    const vmArgs = [
      '--title=${T}',
      '--stack-trace-limit=${LIMIT:-7}',
      '${NONE}',
      '--conditions=<${T:-x}><${EMPTY:-y}><${EMPTY}>',
    ];
    const { root } = await assembled({ files: { 'rel/vm.args': vmArgs.slice(0, 2).join('\n') } });
    const T = '$(touch bad) `id` "q" \'s\' ${LIMIT}\n* \\ $T';
    const env = { T, EMPTY: '', REPLACE_OS_VARS: 'true' };
    write(root, { 'releases/0.1.0/vm.args': ['--title=${T}', ...vmArgs.slice(1, 3), vmArgs[3]].join('\n') });
    expect(start(shell, bin(root), { env, cwd: root }).execArgv).toEqual([
      `--title=${T}`,
      '--stack-trace-limit=7',
      `--conditions=<${T}><y><>`,
    ]);
    write(root, { 'releases/0.1.0/vm.args': '--title=${1}${a b}${}$T${' });
    expect(start(shell, bin(root), { env }).execArgv).toEqual(['--title=${1}${a b}${}$T${']);
    write(root, { 'releases/0.1.0/vm.args': '--title=${T}' });
    expect(start(shell, bin(root), { env: { T, REPLACE_OS_VARS: '1' } }).execArgv).toEqual(['--title=${T}']);
  });

  test('reads remote.vm.args for what talks to a running node', async () => {
    const files = { 'rel/vm.args': '--title=own', 'rel/remote.vm.args': '--title=remote' };
    const { root } = await assembled({ files });
    const titleFor = (args: readonly string[], env = {}) => start(shell, bin(root), { args, env }).execArgv;
    for (const command of ['start', 'start_repl', 'daemon', 'console', 'foreground'])
      expect(titleFor([command])).toEqual(['--title=own']);
    for (const command of ['rpc', 'remote', 'stop', 'eval'])
      expect(titleFor([command])).toEqual(['--title=remote']);
    write(root, { 'other args': '--title=named' });
    const other = path.join(root, 'other args');
    expect(titleFor([], { RELEASE_VM_ARGS: other })).toEqual(['--title=named']);
    expect(titleFor(['rpc'], { RELEASE_REMOTE_VM_ARGS: other })).toEqual(['--title=named']);
    const { status, stderr } = call(shell, bin(root), { env: { RELEASE_VM_ARGS: '/none' } });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "kv: the file of Node's arguments cannot be read: /none.\n",
    });
  });

  test('takes the runtime that the executable names, and keeps it from children', async () => {
    const { root } = await assembled({ runtime: null, nodeLine: 1 });
    write(root, { 'guard #1.cjs': 'process.env.GUARDED = 1', 'releases/0.1.0/vm.args': '--title=x' });
    const SARMA_GUARD = pathToFileURL(path.join(root, 'guard #1.cjs')).href;
    const given = { SARMA_RUNTIME: process.execPath, SARMA_GUARD, PATH: '' };
    const { execPath, execArgv, env } = start(shell, bin(root), { env: given });
    expect({ execPath, execArgv }).toEqual({
      execPath: process.execPath,
      execArgv: ['--import', SARMA_GUARD, '--title=x'],
    });
    expect(env).toHaveProperty('GUARDED');
    expect(env).not.toHaveProperty('SARMA_RUNTIME');
    expect(env).not.toHaveProperty('SARMA_GUARD');
  });

  test('finds the runtime of an install, the guard, and what the user called, in any place', async () => {
    const { root } = await assembled({ runtime: null, at: '100 %25 #1 ?é%/releases/kv-0.1.0' });
    write(root, {
      'releases/start.json': { version: '0.1.0', runtime: 'runtime-1.0.0/bin/node' },
      'releases/0.1.0/guard.cjs': 'process.env.GUARDED = 1',
      '.sarma/marker': 'sarma 1\nname kv\nruntime node-24\nboot x\n',
    });
    const runtime = path.join(root, '../../runtimes/node-24/bin/node');
    mkdirSync(path.dirname(runtime), { recursive: true });
    cpSync(process.execPath, runtime);
    const env = { PATH: path.dirname(process.execPath), SARMA_BIN: '/opt/kv' };
    const started = start(shell, bin(root), { env });
    expect([started.execPath, started.env.RELEASE_PROG]).toEqual([runtime, '/opt/kv']);
    expect(started.env).toHaveProperty('GUARDED');
  });

  test('without a runtime takes the Node of the host, if it is of the same line', async () => {
    const node = path.dirname(process.execPath);
    const tools = path.join(path.dirname((await assembled()).root), 'tools');
    const { root } = await assembled({ runtime: null });
    expect(start(shell, bin(root), { env: { PATH: node } }).execPath).toBe(process.execPath);
    mkdirSync(tools, { recursive: true });
    const none = call(shell, bin(root), { env: { PATH: tools } });
    expect(none).toMatchObject({ status: 1, stdout: '' });
    expect(none.stderr).toBe(
      `kv: it comes without a runtime and needs Node ${line}, but there is no "node" on the PATH.\n`,
    );
    write(tools, { node: '#!/bin/sh\necho v20.1.2\n' });
    const other = call(shell, bin(root), { env: { PATH: `${tools}:${process.env.PATH}` } });
    expect(other).toMatchObject({ status: 1, stdout: '' });
    expect(other.stderr).toBe(
      `kv: it needs Node ${line}, but ${tools}/node is v20.1.2. Put one of that line first on the PATH.\n`,
    );
  });

  test('says which file is missing', async () => {
    const { root } = await assembled();
    renameSync(path.join(root, path.dirname(ownRuntime)), path.join(root, 'away'));
    expect(call(shell, bin(root))).toMatchObject({
      status: 1,
      stderr: `kv: its runtime ${root}/${ownRuntime} is missing or cannot be executed.\n`,
    });
    renameSync(path.join(root, 'releases/start.json'), path.join(root, 'start.json'));
    expect(call(shell, bin(root)).stderr).toBe(`kv: ${root} is no release: it has no releases/start.json.\n`);
    for (const damaged of ['', '{', '{"version":""}']) {
      write(root, { 'releases/start.json': damaged });
      expect(call(shell, bin(root), { env: { RELEASE_VSN: '0.1.0' } }).stderr).toBe(
        `kv: ${root}/releases/start.json names no version: it is empty or damaged. Assemble or unpack the release again, or write {"version": "VERSION"} there.\n`,
      );
    }
  });

  test('of a cli program runs the entry of its version and leaves the environment alone', async () => {
    const { root, scripts } = await assembled({ kind: 'cli', files: { 'rel/vm.args': '--title=${T:-t}' } });
    expect(scripts).toEqual({ vmArgs: ['--title=${T:-t}'], shell: true, hooks: {} });
    const env = { RELEASE_VSN: '9', RELEASE_ROOT: '/other', REPLACE_OS_VARS: 'true' };
    const started = start(shell, bin(root), { args: ['rpc', '--x'], env });
    expect(started).toMatchObject({
      file: path.join(root, 'lib/kv-0.1.0/main.mjs'),
      args: ['rpc', '--x'],
      execArgv: ['--title=t'],
    });
    expect(
      Object.keys(started.env)
        .filter((key) => key.startsWith('RELEASE_'))
        .sort(),
    ).toEqual(['RELEASE_ROOT', 'RELEASE_VSN']);
    expect(started.env).toMatchObject({ RELEASE_VSN: '9', RELEASE_ROOT: '/other' });
  });
});

describe('the scripts of a release', () => {
  test('are executable, and complete without any template', async () => {
    const { scripts, tree } = await assembled();
    expect(scripts).toEqual({ vmArgs: [], shell: false, hooks: {} });
    expect(tree.get('bin/kv')).toMatchObject({ mode: 0o755 });
    expect([...tree.keys()].filter((name) => /\.(args|sh|bat)$/.test(name))).toEqual([]);
  });

  test('are templates, and left out when only comments are left of them', async () => {
    const files = {
      'rel/vm.args.eta':
        '# <%= it.release_name %>\n<% if (include_erts) { %>--title=<%= release_name %>\n<% } %>',
      'rel/remote.vm.args': '# nothing\n\n',
      'rel/env.sh': '# export X=1\n',
      'rel/env.bat': '@echo off\nrem set X=1\n:: note\n@rem x\nset X=<%= release_version %>\n',
    };
    const { root, scripts, tree } = await assembled({ files });
    expect(scripts.vmArgs).toEqual(['--title=kv']);
    expect(readFileSync(path.join(root, 'releases/0.1.0/env.bat'), 'utf8')).toContain('set X=0.1.0\r\n');
    expect(tree.has('releases/0.1.0/env.sh')).toBe(false);
    expect(tree.has('releases/0.1.0/remote.vm.args')).toBe(false);
    const silent = await assembled({ files: { 'rel/env.bat': '@echo off\r\nREM set X=1\r\n' } });
    expect(silent.tree.has('releases/0.1.0/env.bat')).toBe(false);
  });

  test.each([
    ['--title x', '--title=x'],
    ['-r ./x.cjs', './x.cjs on the next line'],
    ['main.js', 'begins with "-"'],
    ['--title=x\nmain.js', 'begins with "-"'],
    ['--', 'remove the line'],
    ['--max-old-space-size=64 --trace-warnings', 'write --trace-warnings on the next line'],
  ])('vm.args with %j are refused with file and line', async (text, advice) => {
    const error = await assembled({ files: { 'rel/vm.args': `# one\n${text}` } }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'INVALID_VM_ARGS' });
    expect(error.message).toMatch(/rel\/vm\.args:[23]: /);
    expect(error.message).toContain(advice);
  });

  test('say where a template is wrong', async () => {
    for (const template of ['a\nb\n<%= it.relase_name %>', '<%= relase_name %>', '<% if ( %>']) {
      const error = await assembled({ files: { 'rel/env.sh': template } }).catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'TEMPLATE_FAILED' });
      expect(error.message).toMatch(/rel\/env\.sh: (.|\n)*Templates know: release, release_name,/);
    }
  });

  test('have hooks in name order, and refuse what is none', async () => {
    const files = {
      'rel/hooks/pre_start.sh': 'exit 0',
      'rel/hooks/pre_start.d/20-b.mjs': '',
      'rel/hooks/pre_start.d/10-a': '#!/bin/sh\n',
      'rel/hooks/pre_start.d/.hidden': '',
      'rel/hooks/post_stop.bat': '',
      'rel/hooks/README.md': '',
    };
    const { root, scripts } = await assembled({ files });
    const at = 'releases/0.1.0/hooks';
    expect(scripts.hooks).toEqual({
      post_stop: [`${at}/post_stop.bat`],
      pre_start: [`${at}/pre_start.d/10-a`, `${at}/pre_start.d/20-b.mjs`, `${at}/pre_start.sh`],
    });
    execFileSync(path.join(root, at, 'pre_start.d/10-a'));
    for (const [name, message] of [
      [
        'before_start.sh',
        /before_start\.sh is no hook\. Hooks are called pre_configure, post_configure, pre_start/,
      ],
      ['pre_start.d/x.ts', /x\.ts cannot be run/],
      ['pre_start.d/deep/x.sh', /deep cannot be run/],
      ['pre_start/x.sh', /is called pre_start\.d/],
    ] as const) {
      const failed = assembled({ files: { [`rel/hooks/${name}`]: '' } });
      await expect(failed).rejects.toMatchObject({
        code: 'UNKNOWN_HOOK',
        message: expect.stringMatching(message),
      });
    }
  });

  test('have ready-made hooks among the others, which are checked', async () => {
    const files = {
      'rel/hooks/pre_start.d/10-database.json': '{ "waitForPort": "db:5432", "timeout": 0.5 }',
      'rel/hooks/pre_start.d/20-migrate.sh': 'exit 0',
      'rel/hooks/pre_start.d/30-search.json': '{ "waitForHealth": "http://${SEARCH}/ok" }',
      'rel/hooks/pre_start.d/40-own.json': '{ "waitForPort": "${PORT:-4040}" }',
      'rel/hooks/post_start.json': '{ "pidFile": "kv.pid" }',
    };
    const { scripts } = await assembled({ files });
    const at = 'releases/0.1.0/hooks';
    expect(scripts.hooks).toEqual({
      post_start: [`${at}/post_start.json`],
      pre_start: ['10-database.json', '20-migrate.sh', '30-search.json', '40-own.json'].map(
        (name) => `${at}/pre_start.d/${name}`,
      ),
    });
  });

  test.each([
    [
      'post_start',
      '{ "waitForPort": 0 }',
      /post_start\.json: waitForPort: expected a port, or a string .*, found 0/,
    ],
    ['pre_start', '{ "waitForPort": "abc" }', /expected a port, or a string like "db:5432", found "abc"/],
    ['pre_start', '{ "waitForPort": "db:70000" }', /expected a port, .*, found "db:70000"/],
    [
      'pre_start',
      '{ "waitForHealth": "db:80/ok" }',
      /expected an address that begins with http:.*"db:80\/ok"/,
    ],
    ['post_start', '{ "waitForPrt": 1 }', /"waitForPrt" is no key here; did you mean "waitForPort"\?/],
    [
      'post_start',
      '{ "timeout": 3 }',
      /expected exactly one of the keys waitForPort, waitForHealth, pidFile/,
    ],
    ['post_start', '{ "waitForPort": 1, "pidFile": "x" }', /expected exactly one of the keys/],
    ['post_start', '{', /post_start\.json: .*JSON/],
    ['pre_stop', '{ "waitForPort": 1 }', /pre_stop\.json: Whoever stops does not wait for that\./],
    ['pre_configure', '{ "pidFile": "x" }', /pre_configure\.json: pidFile is for pre_start and post_start\./],
  ])('refuse the ready-made hook %s.json %s', async (name, text, message) => {
    await expect(assembled({ files: { [`rel/hooks/${name}.json`]: text } })).rejects.toThrow(message);
  });
});
