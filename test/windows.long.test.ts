// Executables for Windows, run under Wine with Node 22 (Wine 8 cannot start Node 24): what the stub does there for the
// promises P1, P4, P6 to P11 and P14. The stubs of the other CPUs are looked at from outside.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  access,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stubPath } from '@sarma/stub';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../packages/wrapper/test/support/self-signed.ts';
import { makeProgram } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';
import { buildForWindows, killHard, newWine, toWindows, type Wine } from './support/wine.ts';

const has = (tool: string) => spawnSync(tool, ['--version']).error === undefined;
const wine = has('wine');
if (!wine) console.log('windows.test.ts: wine is not installed, so no executable for Windows is run');
const llvm = has('llvm-readobj');
if (!llvm) console.log('windows.test.ts: llvm-readobj is not installed, so no header of a stub is read');

describe.each(['win-x64', 'win-arm64', 'win-x86'])('the stub of %s', (target) => {
  test('has less than 300 KB', async () => {
    expect((await stat(stubPath(target))).size).toBeLessThan(300_000);
  });

  test.skipIf(!llvm)(
    'is a console program at a random address, without executable data, that needs kernel32 and ntdll',
    () => {
      const { stdout } = spawnSync('llvm-readobj', ['--file-headers', '--coff-imports', stubPath(target)], {
        encoding: 'utf8',
      });
      expect(stdout).toContain('Subsystem: IMAGE_SUBSYSTEM_WINDOWS_CUI');
      expect(stdout).toContain('IMAGE_DLL_CHARACTERISTICS_DYNAMIC_BASE');
      expect(stdout).toContain('IMAGE_DLL_CHARACTERISTICS_NX_COMPAT');
      if (target !== 'win-x86') expect(stdout).toContain('IMAGE_DLL_CHARACTERISTICS_HIGH_ENTROPY_VA');
      const libraries = [...stdout.matchAll(/^ {2}Name: (.*)$/gm)].map((match) => match[1]!.toLowerCase());
      expect(libraries.sort()).toEqual(['kernel32.dll', 'ntdll.dll']);
    },
  );
});

// Written synchronously: Wine's pipes lose what console.log has not written yet.
const source = `
  const fs = require('node:fs');
  const { spawn } = require('node:child_process');
  const [action, ...rest] = process.argv.slice(2);
  const say = (value) => fs.writeSync(1, typeof value === 'string' ? value : JSON.stringify(value));
  const beat = 'setInterval(() => require("node:fs").appendFileSync(process.argv[1], "."), 50); setTimeout(process.exit, 60000)';
  const actions = {
    arguments: () => say(rest),
    exit: () => process.reallyExit(Number(rest[0])),
    about: () => say({ execPath: process.execPath, execArgv: process.execArgv, file: __filename, bin: process.env.SARMA_BIN, options: process.env.NODE_OPTIONS ?? null }),
    copy: () => say(fs.readFileSync(0, 'utf8').toUpperCase()),
    beat: () => { setInterval(() => fs.appendFileSync(rest[0], '.'), 50); setTimeout(process.exit, 60000); },
    attached: () => { spawn(process.execPath, ['-e', beat, rest[0]], { stdio: 'ignore' }); setTimeout(process.exit, 60000); },
    detached: () => spawn(process.execPath, ['-e', beat, rest[0]], { stdio: 'ignore', detached: true }).unref(),
    channel: () => process.on('message', (message) => { process.send({ got: message }); process.disconnect(); }),
    interrupt() {
      process.on('SIGINT', () => { fs.appendFileSync(rest[0], 'SIGINT '); setTimeout(() => process.exit(7), 300); });
      fs.appendFileSync(rest[0], 'ready ');
      setTimeout(process.exit, 60000);
    },
    deep: () => say(require('./' + 'deep/'.repeat(40) + 'file.js')),
  };
  actions[action]();
`;

describe.skipIf(!wine)('under Wine', () => {
  let windows: Wine;
  let file: string;
  let env: NodeJS.ProcessEnv;
  let drive: string;
  let caches = 0;

  const manifest = { name: 'windows', bin: 'main.js' };
  const files = {
    'main.js': source,
    [`${'deep/'.repeat(40)}file.js`]: 'module.exports = __filename.length;',
  };

  const wrapForWindows = async (version: string) => {
    const program = await makeProgram({ ...manifest, version }, files);
    const made = await wrapProgram(program, ['-t', 'win-x64', '--runtime', '22']);
    await rename(made, `${made}.exe`);
    return `${made}.exe`;
  };

  /** A base directory of its own, as Windows and as Unix call it. */
  const newCache = () => {
    const name = `cache-${++caches}`;
    return { windows: `C:\\caches\\${name}`, unix: path.join(drive, 'caches', name) };
  };
  const start = (executable: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    windows.start(executable, args, { env: { ...env, ...more } });
  beforeAll(async () => {
    windows = await newWine();
    drive = path.join(windows.directory, 'drive_c');
    env = { ...windows.env };
    file = await wrapForWindows('1.0.0');
    env.SARMA_CACHE_DIR = newCache().windows;
    await start(file, ['exit', '0']);
  });
  afterAll(async () => await windows?.stop());

  describe('it is just Node', () => {
    test('arguments arrive as they were given, whatever is in them', async () => {
      const given = [
        'a b',
        '',
        'say "so"',
        'back\\slash\\',
        'sp ace\\',
        '\\\\"',
        '--version',
        '%PATH%',
        'a^b&c|d',
        'ünï €  日本 😀',
        "it's",
        '*',
      ];
      const { stdout } = await start(file, ['arguments', ...given]);
      expect(JSON.parse(stdout)).toEqual(given);
    });

    /** What a script prints that runs on the installed Node, so among programs of Windows. */
    const onWindows = async (script: string) => {
      const { execPath } = JSON.parse((await start(file, ['about'])).stdout);
      const place = path.join(await temporaryDirectory(), 'script.js');
      await writeFile(place, script);
      return JSON.parse((await start(execPath, [toWindows(place), toWindows(file)])).stdout);
    };

    test('so do hundreds of random ones, from a parent that passes them on by CreateProcess', async () => {
      const pieces = [
        '"',
        '\\',
        '\\\\',
        ' ',
        '\t',
        '\n',
        '%',
        '%OS%',
        '^',
        '&',
        '|',
        '<',
        '!',
        "'",
        'a',
        'ü',
        '日',
        '😀',
      ];
      const random = generator(20261121);
      const one = () => Array.from({ length: random(9) }, () => pieces[random(pieces.length)]).join('');
      const rounds = Array.from({ length: 3 }, () => Array.from({ length: 300 }, one));
      const script = `
        const { spawnSync } = require('node:child_process');
        const got = ${JSON.stringify(rounds)}.map((given) => {
          const { stdout } = spawnSync(process.argv[2], ['arguments', ...given], { encoding: 'utf8' });
          return JSON.parse(stdout);
        });
        require('node:fs').writeSync(1, JSON.stringify(got));`;
      expect(await onWindows(script)).toEqual(rounds);
    });

    test('command lines that no program would write are split as node.exe splits them', async () => {
      const pieces = ['"', '"', '""', '\\', '\\\\', ' ', ' ', '\t', 'a', 'b c', '%', 'ü'];
      const random = generator(4);
      const lines = Array.from({ length: 8 }, () =>
        Array.from({ length: 200 }, () => pieces[random(pieces.length)]).join(''),
      );
      // Node is given the same line behind the name of the script, as the stub does it.
      const script = `
        const { spawnSync } = require('node:child_process');
        const run = (program, args) => {
          const { error, stdout } = spawnSync(program, args, { encoding: 'utf8', windowsVerbatimArguments: true });
          if (error) throw error;
          return stdout;
        };
        const about = JSON.parse(run(process.argv[2], ['about']));
        const got = ${JSON.stringify(lines)}.map((line) => [
          run(about.execPath, ['"' + about.file + '"', 'arguments ' + line]),
          run(process.argv[2], ['arguments ' + line]),
        ]);
        require('node:fs').writeSync(1, JSON.stringify(got));`;
      const got: [string, string][] = await onWindows(script);
      for (const [node, own] of got) expect(own).toBe(node);
      expect(got.every(([node]) => JSON.parse(node).length > 3)).toBe(true);
    });

    test('what cmd makes of a line arrives as it arrives at node.exe', async () => {
      const lines = ['a "b c" "" d\\', '"say ""so""" %OS% ^& ^"x', '"100%" "a^b" !x! ü 日'];
      const script = `
        const { spawnSync } = require('node:child_process');
        const options = { encoding: 'utf8', windowsVerbatimArguments: true };
        const about = JSON.parse(spawnSync(process.argv[2], ['about'], options).stdout);
        const cmd = (line) => spawnSync('cmd.exe', ['/d /s /c "' + line + '"'], options).stdout;
        const got = ${JSON.stringify(lines)}.map((line) => [
          cmd(about.execPath + ' ' + about.file + ' arguments ' + line),
          cmd(process.argv[2] + ' arguments ' + line),
        ]);
        require('node:fs').writeSync(1, JSON.stringify(got));`;
      const got: [string, string][] = await onWindows(script);
      for (const [node, own] of got) expect(own).toBe(node);
      expect(JSON.parse(got[0]![1])).toEqual(['a', 'b c', '', 'd\\']);
    });

    test('exit codes have 32 bits', async () => {
      expect((await start(file, ['exit', '42'])).exitCode).toBe(42);
      // Unix sees eight of them, so a program of Windows has to look.
      const about = JSON.parse((await start(file, ['about'])).stdout);
      const script = `require("fs").writeSync(1, String(require("child_process").spawnSync(process.argv[1], ["exit", "3221225477"]).status))`;
      expect((await start(about.execPath, ['-e', script, toWindows(file)])).stdout).toBe('3221225477');
    });

    test('the program sees the installed runtime, its own file, and the executable as SARMA_BIN', async () => {
      const about = JSON.parse((await start(file, ['about'], { NODE_OPTIONS: '--no-deprecation' })).stdout);
      expect(about.bin).toBe(toWindows(file));
      expect(about.execArgv).toEqual([]);
      expect(about.options).toBe('--no-deprecation');
      expect(about.execPath).toMatch(
        /^C:\\caches\\cache-1\\runtimes\\node-22[^/]*-win-x64-[0-9a-f]{12}\\node\.exe$/,
      );
      expect(about.file).toMatch(
        /^C:\\caches\\cache-1\\releases\\windows-1\.0\.0-[0-9a-f]{12}\\lib\\windows-1\.0\.0\\main\.js$/,
      );
    });

    test('what is piped in comes out', async () => {
      const { stdout } = await run('wine', [file, 'copy'], { env, input: 'abc äöü '.repeat(20_000) });
      expect(stdout).toBe('ABC ÄÖÜ '.repeat(20_000));
    });

    test('descriptors beyond the standard ones are inherited: the channel of a parent that forks it', async () => {
      const about = JSON.parse((await start(file, ['about'])).stdout);
      const script = `
        const child = require("child_process").spawn(process.argv[1], ["channel"], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
        child.on("message", (m) => require("fs").writeSync(1, JSON.stringify(m)));
        child.send({ ask: 1 });`;
      expect((await start(about.execPath, ['-e', script, toWindows(file)])).stdout).toBe('{"got":{"ask":1}}');
    });

    test.skipIf(!has('script'))('Ctrl-C reaches the program once, and the program decides', async () => {
      const log = path.join(await temporaryDirectory(), 'log');
      // Wine leaves the terminal as it is until a program reads from it, so Ctrl-C is a SIGINT for all that is in the
      // foreground. With `exec` no shell is: one that waited for wine (dash does) would die of it, with a status of its own.
      const command = `exec wine ${file} interrupt '${toWindows(log)}'`;
      const child = spawn('script', ['-qec', command, '/dev/null'], { env });
      await until(async () => (await text(log)) === 'ready ');
      child.stdin.write('\u0003');
      const [code] = await once(child, 'close');
      expect(await text(log)).toBe('ready SIGINT ');
      expect(code).toBe(7);
    });

    test('files whose paths have more than 260 characters', async () => {
      expect(Number((await start(file, ['deep'])).stdout)).toBeGreaterThan(260);
    });
  });

  describe('without a console window', () => {
    let app: string;
    let starter: string;
    const source = `
      const fs = require('node:fs');
      const [log, starter] = process.argv.slice(2);
      const isTerminal = [0, 1, 2].map((descriptor) => require('node:tty').isatty(descriptor));
      if (log === 'say') return fs.writeSync(1, 'seen by the terminal ' + isTerminal);
      const onConsole = require('node:child_process').spawnSync(starter, ['window'], { stdio: 'ignore' }).status;
      fs.writeFileSync(log, JSON.stringify({ isTerminal, onConsole }));`;

    beforeAll(async () => {
      const wrap = { windows: { subsystem: 'gui' } };
      const program = await makeProgram(
        { name: 'gui', bin: 'main.js', sarma: { wrap } },
        { 'main.js': source },
      );
      const made = await wrapProgram(program, ['-t', 'win-x64', '--runtime', '22']);
      app = `${made}.exe`;
      await rename(made, app);
      await start(app, ['say']);
      starter = await buildForWindows('starter');
    });

    const terminal = (...line: readonly string[]) =>
      spawnSync('script', ['-qec', `wine ${line.map((part) => `'${part}'`).join(' ')}`, '/dev/null'], {
        env,
        encoding: 'utf8',
        input: '',
      });

    test.skipIf(!has('script'))(
      'it prints in the terminal that it was started in, without being given one',
      () => {
        expect(terminal(starter, '0', toWindows(app), 'say').stdout).toContain(
          'seen by the terminal true,true,true',
        );
      },
    );

    test.skipIf(!has('script'))('so does the stub with what it has to say', () => {
      const { stdout, status } = terminal(starter, '0', toWindows(app), 'maintenance', 'nonsense');
      expect(stdout).toContain('usage: gui maintenance');
      expect(status).toBe(125);
    });

    test('it writes where it is redirected to', async () => {
      expect((await start(app, ['say'])).stdout).toBe('seen by the terminal false,false,false');
    });

    test('started without a console, as from Explorer, it has one that nobody sees, for its children', async () => {
      const log = path.join(await temporaryDirectory(), 'log');
      // Windows gives a console to none of them: DETACHED_PROCESS.
      const line = ['8', toWindows(starter), '8', toWindows(app), toWindows(log), toWindows(starter)];
      expect((await start(starter, line)).exitCode).toBe(0);
      const withoutWindow = 1;
      const expected = { isTerminal: [false, false, false], onConsole: withoutWindow };
      expect(JSON.parse(await text(log))).toEqual(expected);
    });

    test('and ends with its exit code where nobody reads why', async () => {
      const line = ['8', toWindows(starter), '8', toWindows(app), 'maintenance', 'nonsense'];
      expect((await start(starter, line)).exitCode).toBe(125);
    });
  });

  describe.skipIf(lacks('osslsigncode', 'openssl'))('signed', () => {
    test('it runs, from the bytes that the signature covers', async () => {
      const place = await temporaryDirectory();
      const { key, certificate } = selfSigned(place, 'Self made');
      const signed = path.join(place, 'signed.exe');
      const sign = ['sign', '-certs', certificate, '-key', key, '-h', 'sha256', '-in', file, '-out', signed];
      expect(spawnSync('osslsigncode', sign).status).toBe(0);
      const cache = newCache();
      const { stdout } = await start(signed, ['arguments', 'signed'], { SARMA_CACHE_DIR: cache.windows });
      expect(JSON.parse(stdout)).toEqual(['signed']);
      expect(
        await start(signed, ['maintenance', 'verify'], { SARMA_CACHE_DIR: cache.windows }),
      ).toMatchObject({
        exitCode: 0,
      });
    });
  });

  describe('no orphan', () => {
    /** Wine keeps the command line of a program as that of its process. */
    const isNamedByNone = async (log: string) => {
      const lines = (await readdir('/proc')).map((id) =>
        readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => ''),
      );
      return !(await Promise.all(lines)).some((line) => line.includes(path.basename(path.dirname(log))));
    };
    const startBeating = async (action: string) => {
      const log = path.join(await temporaryDirectory(), 'log');
      const child = spawn('wine', [file, action, toWindows(log)], { env, stdio: 'ignore' });
      await until(async () => (await text(log)) !== '');
      return { log, child };
    };
    test('the program dies with the stub', async () => {
      const { log, child } = await startBeating('beat');
      expect(await isNamedByNone(log)).toBe(false);
      await killHard(child);
      await until(() => isNamedByNone(log));
    });

    test('so does a child of the program', async () => {
      const { log, child } = await startBeating('attached');
      expect(await isNamedByNone(log)).toBe(false);
      await killHard(child);
      await until(() => isNamedByNone(log));
    });

    test('but a detached one outlives both', async () => {
      const { log, child } = await startBeating('detached');
      if (child.exitCode === null) await once(child, 'close');
      const before = (await text(log)).length;
      await until(async () => (await text(log)).length > before);
    });
  });

  describe('the install', () => {
    test('eight first runs at once leave one install and nothing else', async () => {
      const cache = newCache();
      const runs = await Promise.all(
        Array.from({ length: 8 }, () => start(file, ['arguments', 'x'], { SARMA_CACHE_DIR: cache.windows })),
      );
      expect(runs.map(({ stdout }) => stdout)).toEqual(Array(8).fill('["x"]'));
      expect(await readdir(path.join(cache.unix, 'releases'))).toHaveLength(1);
      expect(await readdir(path.join(cache.unix, 'runtimes'))).toHaveLength(1);
    });

    test('the second run writes nothing', async () => {
      const cache = newCache();
      await start(file, ['exit', '0'], { SARMA_CACHE_DIR: cache.windows });
      const before = await contents(cache.unix);
      const { stderr } = await start(file, ['exit', '0'], {
        SARMA_CACHE_DIR: cache.windows,
        SARMA_DEBUG: '1',
      });
      expect(stderr).not.toContain('installed');
      expect(await contents(cache.unix)).toEqual(before);
    });

    test('what was lost comes back', async () => {
      const cache = newCache();
      await start(file, ['exit', '0'], { SARMA_CACHE_DIR: cache.windows });
      const runtimes = path.join(cache.unix, 'runtimes');
      await truncate(path.join(runtimes, (await readdir(runtimes))[0]!, 'node.exe'), 1000);
      expect((await start(file, ['arguments', 'y'], { SARMA_CACHE_DIR: cache.windows })).stdout).toBe(
        '["y"]',
      );
    });

    test('a minute later it is made durable', async () => {
      const cache = newCache();
      await start(file, ['exit', '0'], { SARMA_CACHE_DIR: cache.windows });
      const releases = path.join(cache.unix, 'releases');
      const marker = path.join(releases, (await readdir(releases))[0]!, '.sarma/marker');
      await writeFile(
        marker,
        (await text(marker)).replace(/installed (\d+)/, (_, seconds) => `installed ${seconds - 100}`),
      );
      await start(file, ['exit', '0'], { SARMA_CACHE_DIR: cache.windows });
      expect(await text(marker)).toContain('durable 1\n');
    });

    test('directories with spaces and characters of all scripts', async () => {
      const place = path.join(await temporaryDirectory(), 'ünï cödé 日本');
      await mkdir(place);
      await copyFile(file, path.join(place, 'hé llo.exe'));
      const more = { SARMA_CACHE_DIR: 'C:\\caches\\ünï cödé 日本' };
      const about = JSON.parse((await start(path.join(place, 'hé llo.exe'), ['about'], more)).stdout);
      expect(about.bin).toBe(toWindows(path.join(place, 'hé llo.exe')));
      expect(about.file).toContain('C:\\caches\\ünï cödé 日本\\releases\\');
    });

    test('a place that others can write to is refused, and the next one taken', async () => {
      const open = await temporaryDirectory();
      spawnSync('chmod', ['777', open]);
      const more = { SARMA_CACHE_DIR: `${toWindows(open)}\\inside`, SARMA_DEBUG: '1' };
      const { stdout, stderr } = await start(file, ['about'], more);
      expect(stderr).toMatch(/S-1-1-0 can write to Z:/);
      expect(JSON.parse(stdout).execPath).toContain('\\AppData\\Local\\sarma\\');
      expect(await readdir(open)).toEqual([]);
    });

    test('a prepared install beside the executable is used, and nothing is written', async () => {
      const place = await temporaryDirectory();
      const app = path.join(place, 'bin', 'app.exe');
      await mkdir(path.dirname(app));
      await copyFile(file, app);
      const { id } = JSON.parse((await start(app, ['maintenance', 'meta'])).stdout);
      const prepared = path.join(place, 'lib', 'sarma', id);
      await mkdir(path.dirname(prepared), { recursive: true });
      expect(await start(app, ['maintenance', 'extract', toWindows(prepared)])).toMatchObject({
        exitCode: 0,
      });
      const before = await contents(prepared);
      const cache = newCache();
      const about = JSON.parse((await start(app, ['about'], { SARMA_CACHE_DIR: cache.windows })).stdout);
      expect(about.execPath).toContain(`${toWindows(prepared)}\\runtimes\\`);
      expect(await contents(prepared)).toEqual(before);
      expect(await contents(cache.unix)).toEqual([]);
    });

    test('a relative override is refused in words', async () => {
      const { stderr } = await start(file, ['exit', '0'], { SARMA_CACHE_DIR: 'relative', SARMA_DEBUG: '1' });
      expect(stderr).toContain('relative: not an absolute path');
    });

    test('uninstall refuses while the program runs, and removes everything of it afterwards', async () => {
      const cache = newCache();
      const more = { SARMA_CACHE_DIR: cache.windows };
      const log = path.join(await temporaryDirectory(), 'log');
      const child = spawn('wine', [file, 'beat', toWindows(log)], {
        env: { ...env, ...more },
        stdio: 'ignore',
      });
      await until(async () => (await text(log)) !== '');
      const refused = await start(file, ['maintenance', 'uninstall', '--yes'], more);
      expect(refused).toMatchObject({ exitCode: 125, stdout: '' });
      expect(refused.stderr).toContain('is running');
      await killHard(child);
      expect(await start(file, ['maintenance', 'uninstall', '--yes'], more)).toMatchObject({ exitCode: 0 });
      const left = await contents(cache.unix);
      // Wine cannot delete a file that is still open, so the locks' directory outlives the lock.
      expect(left.filter((name) => !/^(CACHEDIR\.TAG|locks)/.test(name))).toEqual([]);
    });

    test('an upgrade leaves what runs, and removes old versions that do not', async () => {
      const cache = newCache();
      const more = { SARMA_CACHE_DIR: cache.windows };
      const versions = async () =>
        (await readdir(path.join(cache.unix, 'releases'))).map((name) => name.split('-')[1]).sort();
      const log = path.join(await temporaryDirectory(), 'log');
      const child = spawn('wine', [file, 'beat', toWindows(log)], {
        env: { ...env, ...more },
        stdio: 'ignore',
      });
      await until(async () => (await text(log)) !== '');
      const [second, third, fourth] = [
        await wrapForWindows('2.0.0'),
        await wrapForWindows('3.0.0'),
        await wrapForWindows('4.0.0'),
      ];
      await start(second, ['exit', '0'], more);
      await start(third, ['exit', '0'], more);
      expect(await versions()).toEqual(['1.0.0', '2.0.0', '3.0.0']);
      await killHard(child);
      await start(fourth, ['exit', '0'], more);
      expect(await versions()).toEqual(['3.0.0', '4.0.0']);
    });

    test('the executable can be replaced while it runs', async () => {
      const place = await temporaryDirectory();
      const app = path.join(place, 'app.exe');
      await copyFile(file, app);
      const log = path.join(place, 'log');
      const child = spawn('wine', [app, 'beat', toWindows(log)], { env, stdio: 'ignore' });
      await until(async () => (await text(log)) !== '');
      const about = JSON.parse((await start(file, ['about'])).stdout);
      // By a program of Windows, for which its rules hold.
      const script = `
        const fs = require("fs"), [app, next] = process.argv.slice(1);
        fs.renameSync(app, app + ".old"); fs.copyFileSync(next, app);`;
      expect(await start(about.execPath, ['-e', script, toWindows(app), toWindows(file)])).toMatchObject({
        exitCode: 0,
      });
      expect((await start(app, ['arguments', 'new'])).stdout).toBe('["new"]');
      const before = (await text(log)).length;
      await until(async () => (await text(log)).length > before);
      child.kill('SIGKILL');
      await once(child, 'close');
    });
  });

  describe('damage', () => {
    test.each([
      ['truncated', async (copy: string) => await truncate(copy, (await stat(copy)).size - 2_000_000)],
      ['altered', async (copy: string) => await flip(copy, 5_000_000)],
    ])('an executable that was %s says so, and installs nothing', async (_, damage) => {
      const cache = newCache();
      const copy = path.join(await temporaryDirectory(), 'copy.exe');
      await copyFile(file, copy);
      await damage(copy);
      const { exitCode, stdout, stderr } = await start(copy, ['exit', '0'], {
        SARMA_CACHE_DIR: cache.windows,
      });
      expect({ exitCode, stdout }).toEqual({ exitCode: 125, stdout: '' });
      expect(stderr).toContain(`${toWindows(copy)} is damaged`);
      expect(stderr).toContain('download it again');
      expect((await contents(cache.unix)).filter((name) => /^(runtimes|releases)./.test(name))).toEqual([]);
    });

    test('a stub without a program says so', async () => {
      expect(await start(stubPath('win-x64'), [])).toMatchObject({
        exitCode: 125,
        stdout: '',
        stderr: expect.stringContaining('stub without a program'),
      });
    });
  });

  test('the unit tests of what Wine cannot show at work', () => {
    const zig = path.resolve(import.meta.dirname, '../node_modules/.bin/zig');
    const cwd = path.resolve(import.meta.dirname, '../packages/stub');
    const options = ['build', 'test', '-Dtarget-name=win-x64', '-fwine', '--summary', 'all'];
    const { status, stderr } = spawnSync(zig, options, { cwd, env, encoding: 'utf8' });
    expect(stderr).toMatch(/\d+\/\d+ tests passed/);
    expect(status).toBe(0);
  });

  // Named so that nobody takes them for tested. They need a real Windows.
  describe('what Wine 8 cannot do', () => {
    test.skip('links to directories become junctions: Wine does not set reparse points', () => {});
    test.skip('a runtime in a path of more than 260 characters: Wine does not execute such a file', () => {});
    test.skip('a lock file disappears although it is open: Wine has no POSIX deletion (FileDispositionInformationEx)', () => {});
    test.skip('the boot id is the one of the kernel: Wine keeps none, so the time of the start stands in', () => {});
    test.skip('a virus scanner holds a new file: there is none to hold it', () => {});
    test.skip('a policy forbids execution: Wine has no AppLocker', () => {});
    test.skip('closing the console window, logging off: there is no such event without a desktop', () => {});
    test.skip('a pipe ends when the program closes it: Node does not close it under Wine', () => {});
    test.skip('Node 24: it aborts in V8 while it starts', () => {});
    test.skip('win-arm64 and win-x86: this Wine runs x86-64 alone', () => {});
  });
});

/** The same whole numbers below what is asked for, each time. */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    // Of Numerical Recipes; its low bits are poor.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return;
    await sleep(100);
  }
  throw new Error('it did not come about within 20 s');
}

async function text(name: string): Promise<string> {
  return await access(name).then(
    () => readFile(name, 'utf8'),
    () => '',
  );
}

/** Every name below a directory. */
async function contents(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true }).catch(() => []);
  return found.sort();
}

async function flip(name: string, offset: number): Promise<void> {
  const bytes = await readFile(name);
  bytes[offset]! ^= 1;
  await writeFile(name, bytes);
}
