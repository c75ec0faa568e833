import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { keepAlive } from '../src/heart.ts';
import { type TestRelease, testRelease } from './support/release.ts';

/** What the application does is its first argument. */
const application = `export default {
  async start({ args: [what, ...rest] }) {
    console.log('up', process.cwd());
    if (what === 'fail') throw new Error('no way');
    if (what === 'slow') await new Promise((resolve) => setTimeout(resolve, 1500));
    if (what === 'crash') setTimeout(() => { console.error('last words'); process.exit(3); }, 200);
    if (what === 'flood') setTimeout(() => {
      for (let line = 0; line < 200_000; line++) process.stdout.write('line ' + line + ' ' + 'x'.repeat(50) + '\\n');
      process.exit(1);
    }, 200);
    if (what === 'child') (await import('node:child_process')).spawn('sh', ['-c', 'echo from a child > /dev/stderr'], { stdio: 'inherit' });
    return [what, ...rest];
  },
  stop() { console.log('down'); },
};`;

async function release(boot = {}): Promise<TestRelease> {
  const demo = await testRelease({
    files: { 'lib/demo/application.mjs': application },
    applications: ['demo'],
    boot,
  });
  onTestFinished(async () => {
    await demo.run(['stop']);
  });
  return demo;
}

const logOf = async (demo: TestRelease) => await readFile(path.join(demo.root, 'var/log/demo.log'), 'utf8');
const isUp = async (demo: TestRelease) => (await demo.run(['ping'])).code === 0;

test('daemon returns when the node answers; the log has what it prints, stop ends it', async () => {
  const demo = await release();
  const { code, stdout, stderr } = await demo.run(['daemon']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const pid = (await demo.run(['pid'])).stdout.trim();
  const log = path.join(demo.root, 'var/log/demo.log');
  expect(stdout).toBe(`demo 0.1.0 is running (PID ${pid}). Log: ${log}\n`);
  expect((await demo.run(['stop'])).code).toBe(0);
  // Its working directory is the state directory.
  const [first, ...lines] = (await logOf(demo)).split('\n');
  expect(first).toMatch(
    new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z demo 0\\.1\\.0 starts \\(PID ${pid}\\)$`),
  );
  expect(lines).toEqual([`up ${path.join(demo.root, 'var')}`, 'down', '']);
  expect((await stat(log)).mode & 0o777).toBe(0o600);
  expect((await stat(path.dirname(log))).mode & 0o777).toBe(0o700);
  expect(await readdir(path.dirname(log))).toEqual(['demo.log']);
});

test('it is in a session of its own and holds nothing of who called it', async () => {
  const demo = await release();
  await demo.run(['daemon']);
  const pid = (await demo.run(['pid'])).stdout.trim();
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  const [, parent, , session, terminal] = fields;
  expect({ session, terminal }).toEqual({ session: pid, terminal: '0' });
  expect(parent).not.toBe(String(process.pid));
});

test('of several at once one is running, and the others say who has the name', async () => {
  const demo = await release();
  const results = await Promise.all([1, 2, 3, 4].map(() => demo.run(['daemon'])));
  const pid = (await demo.run(['pid'])).stdout.trim();
  const [up, ...others] = results.sort((a, b) => a.code! - b.code!);
  expect(up).toMatchObject({ code: 0, stderr: '' });
  expect(up!.stdout).toContain(`(PID ${pid})`);
  for (const other of others) {
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain(`demo runs already (PID ${pid}`);
  }
});

test('daemon waits until the applications have started', async () => {
  const demo = await release();
  const before = Date.now();
  expect((await demo.run(['daemon', 'slow'])).code).toBe(0);
  expect(Date.now() - before).toBeGreaterThan(1400);
});

test('a node that does not answer in time is left alone, exit 1', async () => {
  const demo = await release();
  const { code, stderr } = await demo.run(['daemon', 'slow'], { env: { RELEASE_DAEMON_TIMEOUT: '0' } });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^demo: The node \(PID \d+\) .*; it was left alone\./);
  await vi.waitUntil(() => isUp(demo), { timeout: 30_000 });
});

test('a node that does not come up: exit 1 and the end of its log', async () => {
  const demo = await release();
  await demo.run(['daemon', 'crash']);
  await vi.waitUntil(async () => !(await isUp(demo)), { timeout: 30_000 });
  const { code, stdout, stderr } = await demo.run(['daemon', 'fail']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(
    /^demo: The node did not come up: it ended with exit code 1\. The end of .*demo\.log:\n/,
  );
  expect(stderr).toContain('Error: no way');
  // What an earlier one left in the log is not shown again.
  expect(stderr).not.toContain('last words');
});

describe('while what has started still stops', () => {
  /** `web` fails as soon as there is a file `fail`; `store` takes a second to stop. */
  const failing = async () => {
    const demo = await testRelease({
      applications: ['store', 'web'],
      files: {
        'lib/store/application.mjs': `export default {
          start() {}, stop() { return new Promise((resolve) => setTimeout(resolve, 1000)); } };`,
        'lib/web/application.mjs': `import { existsSync } from 'node:fs';
          export default { start() { if (existsSync('${FAIL}')) throw new Error('no port'); } };`,
      },
    });
    onTestFinished(async () => {
      await demo.run(['stop']);
    });
    return demo;
  };
  const FAIL = 'fail';

  test.each([[['daemon']], [['daemon', '--heart']]])('%s says that it did not come up', async (words) => {
    const demo = await failing();
    await mkdir(path.join(demo.root, 'var'));
    await writeFile(path.join(demo.root, 'var', FAIL), '');
    const env = { RELEASE_HEART_RESTARTS: '0' };
    const { code, stdout, stderr } = await demo.run(words, { env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('The node did not come up: it ended with exit code 1.');
    expect(stderr).toContain('Application web could not start.\nError: no port');
  });

  test('restart shows the end of the log', async () => {
    const demo = await failing();
    const program = path.join(demo.root, 'bin/demo');
    const boot = path.join(demo.root, 'releases/0.1.0/boot.cjs');
    await mkdir(path.dirname(program));
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${boot}' "$@"\n`);
    await chmod(program, 0o755);
    expect((await demo.run(['daemon'])).code).toBe(0);
    await writeFile(path.join(demo.root, 'var', FAIL), '');
    const { code, stdout, stderr } = await demo.run(['restart']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('demo has stopped and did not come up again. The end of ');
    expect(stderr).toContain('Error: no port');
  });
});

test('of a node that is stopped while it starts, daemon says that', async () => {
  const demo = await release();
  const coming = demo.run(['daemon', 'slow']);
  await expect.poll(async () => (await demo.run(['ping'])).stderr).toContain('is starting: demo');
  expect((await demo.run(['stop'])).code).toBe(0);
  expect((await coming).stderr).toContain(
    'it ended, or was stopped, before everything had started (exit code 0).',
  );
});

test.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
  'a full disk and a read-only one are said before anything starts',
  async () => {
    const demo = await release();
    const state = path.join(demo.root, 'var');
    await mkdir(state);
    const daemonOn = (options: string, then: string) =>
      `mount -t tmpfs -o ${options} none '${state}' && mkdir '${state}/log' && ${then} && ` +
      `'${process.execPath}' '${demo.root}/releases/0.1.0/boot.cjs' daemon`;
    const full = daemonOn('size=64k', `{ dd if=/dev/zero of='${state}/full' 2>/dev/null || true; }`);
    const readOnly = daemonOn('size=64k', `mount -o remount,ro '${state}'`);
    for (const [command, reason] of [
      [full, 'ENOSPC: no space left on device'],
      [readOnly, 'EROFS: read-only file system'],
    ] as const) {
      const result = spawnSync('unshare', ['--mount', 'sh', '-c', command], { encoding: 'utf8' });
      expect(result.stderr).toContain(`demo: The log cannot be written: ${reason}`);
      expect(result.status).toBe(1);
    }
  },
);

test('a relative state directory is one place, whoever names it', async () => {
  const demo = await withProgram();
  const env = { RELEASE_MUTABLE_DIR: 'rd', RELEASE_TMP: 'rd/tmp' };
  expect(await demo.run(['daemon'], { env })).toMatchObject({ code: 0, stderr: '' });
  expect((await demo.run(['stop'], { env })).code).toBe(0);
  expect((await readdir(path.join(demo.root, 'rd'))).sort()).toEqual(['cookie', 'log', 'nodes', 'tmp']);
  // As env.sh does: in every process anew.
  const program = path.join(demo.root, 'bin/demo');
  const text = await readFile(program, 'utf8');
  await writeFile(program, text.replace('exec', 'export RELEASE_MUTABLE_DIR=sub/state\nexec'));
  const say = (word: string) =>
    spawnSync(program, [word], {
      cwd: demo.root,
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
      timeout: 30_000,
    });
  for (const word of ['daemon', 'ping', 'restart', 'ping', 'stop'])
    expect(say(word)).toMatchObject({ status: 0, stderr: '' });
  expect((await readdir(path.join(demo.root, 'sub/state'))).sort()).toEqual([
    'cookie',
    'log',
    'nodes',
    'tmp',
  ]);
});

test('what a configuration lacks is said where the daemon is started', async () => {
  const configuration = {
    sys: 'releases/0.1.0/sys.config.json',
    providers: [],
    runtime: null,
    requiredEnv: ['SECRET_KEY_BASE'],
    compiled: {},
    validateCompileEnv: true,
  };
  const { code, stderr } = await (await release({ configuration })).run(['daemon']);
  expect(code).toBe(1);
  expect(stderr).toContain('SECRET_KEY_BASE');
});

test('a second daemon of the same node is refused with the PID that has it', async () => {
  const demo = await release();
  await demo.run(['daemon']);
  const pid = (await demo.run(['pid'])).stdout.trim();
  const { code, stderr } = await demo.run(['daemon']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: `demo: demo runs already (PID ${pid}).\n` });
});

test('RELEASE_READ_ONLY refuses it, and nothing is made', async () => {
  const demo = await release();
  const { code, stderr } = await demo.run(['daemon'], { env: { RELEASE_READ_ONLY: '1' } });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^demo: RELEASE_READ_ONLY is set: /);
  expect(existsSync(path.join(demo.root, 'var'))).toBe(false);
});

test('with RELEASE_DISTRIBUTION=none it comes up, and only a signal ends it', async () => {
  const demo = await release();
  const env = { RELEASE_DISTRIBUTION: 'none' };
  const { code, stdout } = await demo.run(['daemon'], { env });
  expect(code).toBe(0);
  const pid = Number(/PID (\d+)/.exec(stdout)![1]);
  await expect.poll(() => logOf(demo)).toContain('up');
  process.kill(pid);
  await expect.poll(() => logOf(demo)).toContain('down');
});

/** `bin/demo`, through which a release starts itself again. */
async function withProgram(): Promise<TestRelease> {
  const demo = await release();
  const file = path.join(demo.root, 'bin/demo');
  await mkdir(path.dirname(file));
  const boot = path.join(demo.root, 'releases/0.1.0/boot.cjs');
  await writeFile(file, `#!/bin/sh\nexec '${process.execPath}' '${boot}' "$@"\n`, { mode: 0o755 });
  return demo;
}

test('called by another release it starts its own node, and with --heart too', async () => {
  const demo = await withProgram();
  const env = {
    RELEASE_ROOT: '/opt/other',
    RELEASE_NODE: 'other',
    RELEASE_COOKIE: 'theirs',
    RELEASE_MUTABLE_DIR: path.join(demo.root, 'other'),
  };
  for (const words of [['daemon'], ['daemon', '--heart']]) {
    expect(await demo.run(words, { env })).toMatchObject({ code: 0, stderr: '' });
    expect((await demo.run(['stop'])).code).toBe(0);
  }
  expect(existsSync(path.join(demo.root, 'other'))).toBe(false);
});

test('with --heart and without distribution it names the PID of the node, not that of the heart', async () => {
  const demo = await release();
  const env = { RELEASE_DISTRIBUTION: 'none' };
  const { stdout } = await demo.run(['daemon', '--heart'], { env });
  const pid = (await demo.run(['pid'])).stdout.trim();
  expect(stdout).toContain(`is running (PID ${pid}).`);
  process.kill(Number(pid));
  await expect.poll(() => logOf(demo)).toContain('down');
});

test('a log directory that cannot be made is named', async () => {
  const demo = await release();
  await mkdir(path.join(demo.root, 'var'));
  await writeFile(path.join(demo.root, 'var/log'), 'no directory');
  const { code, stderr } = await demo.run(['daemon']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^demo: The log cannot be written: .*\/var\/log.*RELEASE_MUTABLE_DIR/);
});

test('children can open /dev/stderr, and what they print is in the log', async () => {
  const demo = await release();
  await demo.run(['daemon', 'child']);
  await expect.poll(() => logOf(demo)).toContain('from a child');
});

test('nothing that a program prints before it dies is lost, across rotated files', async () => {
  const demo = await release();
  const env = { RELEASE_LOG_SIZE: '1M', RELEASE_LOG_FILES: '100' };
  expect((await demo.run(['daemon', 'flood'], { env })).code).toBe(0);
  const directory = path.join(demo.root, 'var/log');
  // While it is rotated there may be none.
  await expect.poll(() => logOf(demo).catch(() => '')).toContain('line 199999 ');
  const files = (await readdir(directory)).sort((one, other) => number(other) - number(one));
  expect(files.length).toBeGreaterThan(10);
  for (const file of files)
    expect((await stat(path.join(directory, file))).size).toBeLessThanOrEqual(2 ** 20);
  const texts = await Promise.all(
    files.map(async (file) => await readFile(path.join(directory, file), 'utf8')),
  );
  const lines = texts.join('').split('\n');
  expect(lines.slice(2, -1)).toEqual(
    Array.from({ length: 200_000 }, (_, line) => `line ${line} ${'x'.repeat(50)}`),
  );
});

const number = (file: string) => Number(/\.log\.(\d+)$/.exec(file)?.[1] ?? 0);

test('--heart starts it again after a crash, with a limit, and says so in the log', async () => {
  const demo = await release();
  const env = { RELEASE_HEART_RESTARTS: '2', RELEASE_HEART_PERIOD: '30' };
  expect((await demo.run(['daemon', '--heart', 'crash'], { env })).code).toBe(0);
  await expect.poll(() => logOf(demo)).toContain('given up');
  const heart = (await logOf(demo)).split('\n').filter((line) => line.includes(' heart: '));
  expect(heart.map((line) => line.replace(/^\S+Z /, ''))).toEqual([
    'heart: demo ended with exit code 3; starting it again (1 of 2 in 30 s)',
    'heart: demo ended with exit code 3; starting it again (2 of 2 in 30 s)',
    'heart: demo ended with exit code 3, 3 times in 30 s: given up',
  ]);
  expect((await logOf(demo)).match(/last words/g)).toHaveLength(3);
  expect(await isUp(demo)).toBe(false);
});

test('what is nearly an option of ours is refused, and stands behind -- when it is not', async () => {
  const demo = await release();
  expect(await demo.run(['daemon', '--hart'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr:
      'demo: daemon has no option --hart. Is it --heart? That stands first, by itself. Arguments of the applications that look like it stand behind --, as in: daemon -- --hart\n',
  });
  for (const words of [
    ['daemon', '--port', '1', '--heart'],
    ['daemon', '--heart=yes'],
    ['start', '--heart'],
  ])
    expect((await demo.run(words)).stderr).toContain(`has no option ${words.at(-1)}`);
  expect((await demo.run(['daemon', '--host', '--', '--hart'])).code).toBe(0);
  const { stdout } = await demo.run(['rpc', '--json', 'stateOf("demo")']);
  expect(JSON.parse(stdout)).toEqual(['--host', '--hart']);
});

test('--heart takes a file that is away for a moment for a crash', async () => {
  const said: string[] = [];
  const command = { file: '/nowhere/demo', args: [], env: {} };
  expect(await keepAlive(command, { restarts: 1, period: 60_000 }, (line) => said.push(line))).toBe(1);
  expect(said).toEqual([
    'could not be started (spawn /nowhere/demo ENOENT); starting it again (1 of 1 in 60 s)',
    'could not be started (spawn /nowhere/demo ENOENT), 2 times in 60 s: given up',
  ]);
});

test('--heart whose node runs already, started by somebody else, counts that as a crash, and knows of no upgrade', async () => {
  const demo = await release();
  await demo.run(['daemon']);
  const { code, stderr } = await demo.run(['heart'], { env: { RELEASE_HEART_RESTARTS: '0' } });
  expect(code).toBe(1);
  expect(stderr).toContain('runs already');
  expect(stderr).toContain('heart: demo ended with exit code 1, 1 times in 60 s: given up');
});

test('--heart outlives a restart where Node cannot replace its process', async () => {
  const demo = await release();
  const file = path.join(demo.root, 'old.cjs');
  await writeFile(file, 'delete process.execve;');
  await demo.run(['daemon', '--heart'], { vmArgs: ['-r', file] });
  const [heart, before] = [await parentOf(demo), (await demo.run(['pid'])).stdout];
  expect(await demo.run(['restart'])).toMatchObject({ code: 0, stderr: '' });
  expect((await demo.run(['pid'])).stdout).not.toBe(before);
  expect(await parentOf(demo)).toBe(heart);
  expect(await logOf(demo)).not.toContain('heart:');
});

/** The PID of what started the node. */
async function parentOf(demo: TestRelease): Promise<string> {
  const pid = (await demo.run(['pid'])).stdout.trim();
  return /PPid:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]!;
}

test('--heart starts it again after SIGKILL, and not after an orderly stop', async () => {
  const demo = await release();
  await demo.run(['daemon', '--heart']);
  const first = Number((await demo.run(['pid'])).stdout);
  process.kill(first, 'SIGKILL');
  await expect.poll(() => logOf(demo)).toContain('by SIGKILL; starting it again');
  await vi.waitUntil(() => isUp(demo), { timeout: 30_000 });
  expect(Number((await demo.run(['pid'])).stdout)).not.toBe(first);
  expect((await demo.run(['stop'])).code).toBe(0);
  await wait(1500);
  expect(await isUp(demo)).toBe(false);
  expect(await logOf(demo)).toMatch(/down\n$/);
});

test.each([
  ['RELEASE_LOG_SIZE', 'much', 'a number of bytes below 4G'],
  ['RELEASE_LOG_SIZE', '4G', 'a number of bytes below 4G'],
  ['RELEASE_LOG_FILES', '0', 'a number of files from 1 on'],
  ['RELEASE_HEART_RESTARTS', '-1', 'a whole number'],
  ['RELEASE_DAEMON_TIMEOUT', 'soon', 'a whole number of seconds'],
])('%s=%s is refused before anything starts', async (name, value, expected) => {
  const demo = await release();
  const { code, stderr } = await demo.run(['daemon'], { env: { [name]: value } });
  expect(code).toBe(1);
  expect(stderr).toContain(`demo: ${name} is "${value}"; expected ${expected}`);
  expect(existsSync(path.join(demo.root, 'var'))).toBe(false);
});

test("the release's own launcher carries the log where there is one", async () => {
  const demo = await release();
  const launcher = path.join(demo.root, 'releases/0.1.0/launcher');
  // Any program that does as it is told: `launcher log FILE …`.
  await writeFile(launcher, '#!/bin/sh\necho "$1 $3 $4 $5 $6" > "$2.words"\nexec cat >> "$2"\n');
  await chmod(launcher, 0o755);
  expect((await demo.run(['daemon'])).code).toBe(0);
  await demo.run(['stop']);
  await expect.poll(() => logOf(demo)).toContain('down');
  const words = await readFile(path.join(demo.root, 'var/log/demo.log.words'), 'utf8');
  expect(words).toBe('log --bytes 10485760 --files 5\n');
});

test('a carrier that cannot be run, or ends at once, is not passed over', async () => {
  const demo = await release();
  const launcher = path.join(demo.root, 'releases/0.1.0/launcher');
  await writeFile(launcher, '#!/no/such/interpreter\n');
  await chmod(launcher, 0o755);
  const { code, stderr } = await demo.run(['daemon']);
  expect(code).toBe(1);
  expect(stderr).toContain(`${launcher} carries the log and cannot be run`);
  expect(await isUp(demo)).toBe(false);
  await writeFile(launcher, '#!/bin/sh\nread line; exit 5\n');
  await chmod(launcher, 0o755);
  const second = await demo.run(['daemon', 'slow']);
  expect(second.code).toBe(1);
  const log = path.join(demo.root, 'var/log/demo.log');
  expect(second.stderr).toBe(
    `demo: Nobody writes ${log}: the process that is to do it ended with exit code 5.\n`,
  );
});
