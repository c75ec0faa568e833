import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type TestRelease, testRelease } from './support/release.ts';

/** An application that takes its time to stop. */
const demo = (milliseconds: number, boot = {}) =>
  testRelease({
    applications: ['demo'],
    boot,
    files: {
      'lib/demo/application.mjs': `export default {
        start({ args }) { console.log('ready', process.pid, ...args); },
        stop() { return new Promise((resolve) => setTimeout(resolve, ${milliseconds})); },
      };`,
    },
  });

/** `start` in the foreground; its PID. */
async function started(release: TestRelease, env: Record<string, string> = {}) {
  const child = release.spawn(['start'], { env });
  await once(child.stdout!, 'data');
  return child;
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('stop', () => {
  test('returns when the process is gone', async () => {
    const release = await demo(400);
    const child = await started(release);
    const before = Date.now();
    const stopped = await release.run(['stop']);
    expect(stopped).toMatchObject({ code: 0, stderr: '', stdout: `demo has stopped (PID ${child.pid}).\n` });
    expect(Date.now() - before).toBeGreaterThan(400);
    expect((await release.run(['ping'])).code).toBe(1);
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
  });

  test('of a process whose parent does not look after it returns too', async () => {
    const release = await demo(0);
    // A shell that starts the node and then becomes a program that waits for nobody.
    const command = `'${process.execPath}' releases/0.1.0/boot.cjs start & exec sleep 60`;
    const parent = spawn('/bin/sh', ['-c', command], {
      cwd: release.root,
      env: { HOME: release.root },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const pid = Number(String((await once(parent.stdout!, 'data'))[0]).split(/\s/)[1]);
    expect(await release.run(['stop'])).toMatchObject({ code: 0 });
    expect(isAlive(pid)).toBe(true); // A zombie.
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /);
  });

  test('where nothing runs says so, exit code 1', async () => {
    const release = await demo(0);
    expect(await release.run(['stop'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `demo: demo is not running (as far as ${path.join(release.root, 'var')} knows).\n`,
    });
    const child = await started(release);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await release.run(['stop'])).stderr).toContain('demo is not running');
  });

  test('of one that does not end in time says what still runs, exit code 1', async () => {
    const release = await demo(3000);
    const child = await started(release);
    const { code, stderr } = await release.run(['stop'], { env: { RELEASE_STOP_TIMEOUT: '1' } });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `demo: demo (PID ${child.pid}) has not ended within 1 s: demo is stopping. RELEASE_STOP_TIMEOUT gives it more seconds; bin/demo stop --force ends it at once (kill -9 ${child.pid}).\n`,
    );
    expect((await release.run(['stop'], { env: { RELEASE_STOP_TIMEOUT: 'x' } })).stderr).toContain(
      'RELEASE_STOP_TIMEOUT is "x"',
    );
  });

  test.skipIf(process.platform !== 'linux')(
    'does not take the PID of another namespace for that of the node',
    async () => {
      const release = await demo(0);
      const command = [
        '--pid',
        '--fork',
        '--mount-proc',
        '--kill-child',
        process.execPath,
        'releases/0.1.0/boot.cjs',
        'start',
      ];
      const child = spawn('unshare', command, {
        cwd: release.root,
        env: { HOME: release.root, PATH: process.env.PATH },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      await once(child.stdout!, 'data');
      // In its namespace it is 1, and 1 lives here, too.
      expect((await release.run(['pid'])).stdout).toBe('1\n');
      expect(await release.run(['stop', '--force'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('where its PID is 1: end it there.'),
      });
      expect(await release.run(['stop'])).toMatchObject({ code: 0, stdout: 'demo has stopped (PID 1).\n' });
    },
  );

  test('of one that could not stop in order says so, exit code 1, and a heart does not start it again', async () => {
    const release = await demo(1000, { shutdownTimeout: 300 });
    const child = await started(release);
    expect(await release.run(['stop'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `demo: demo has stopped (PID ${child.pid}), with exit code 1: not everything ended in order. What it printed says why; a daemon's is in its log.\n`,
    });
    const heart = release.spawn(['heart']);
    await once(heart.stdout!, 'data');
    const ended = once(heart, 'exit');
    expect((await release.run(['stop'])).code).toBe(1);
    expect(await ended).toEqual([1, null]);
  });

  test('--force ends one that does not answer, and nothing where nothing runs', async () => {
    const release = await demo(0);
    const child = await started(release);
    release.spawn(['rpc', 'for (;;);']);
    await expect.poll(async () => (await release.run(['ping'])).code).toBe(1);
    expect(await release.run(['stop', '--force'])).toMatchObject({
      code: 0,
      stdout: `demo was ended (PID ${child.pid}). Its applications were not stopped.\n`,
    });
    await expect.poll(() => isAlive(child.pid!)).toBe(false);
    expect(await release.run(['stop', '--force'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('demo is not running'),
    });
    await started(release);
    expect((await release.run(['stop'])).code).toBe(0);
  });

  test('--force is no crash to a heart', async () => {
    const release = await demo(0);
    const heart = release.spawn(['heart']);
    await once(heart.stdout!, 'data');
    let said = '';
    heart.stderr!.on('data', (chunk) => (said += chunk));
    const ended = once(heart, 'exit');
    expect((await release.run(['stop', '--force'])).code).toBe(0);
    expect(await ended).toEqual([1, null]);
    expect(said).toBe('');
  });

  test('a node that does not answer is told from one that does not run', async () => {
    const release = await demo(0);
    const child = await started(release);
    child.kill('SIGSTOP');
    expect(await release.run(['ping'])).toMatchObject({
      code: 1,
      stdout: 'pang\n',
      stderr: `demo: demo (PID ${child.pid}) does not answer: it is starting, stopped by a debugger or SIGSTOP, or blocked by its own code. bin/demo stop --force ends it (kill -9 ${child.pid}).\n`,
    });
    child.kill('SIGCONT');
    expect((await release.run(['ping'])).stdout).toBe('pong\n');
  });
});

describe('restart', () => {
  /** `bin/demo`, as a release has it: it says each time which file it is. */
  const withProgram = async () => {
    const release = await demo(50);
    const program = (text: string) => {
      mkdirSync(path.join(release.root, 'bin'), { recursive: true });
      const file = path.join(release.root, 'bin/demo');
      writeFileSync(
        file,
        `#!/bin/sh\necho ${text}\nexec '${process.execPath}' '${release.root}/releases/0.1.0/boot.cjs' "$@"\n`,
      );
      chmodSync(file, 0o755);
    };
    program('old file');
    return { release, program };
  };

  test('keeps the PID, takes a file that was replaced, keeps arguments, and returns when it answers', async () => {
    const { release, program } = await withProgram();
    const child = release.spawn(['start', '--port', '1'], { env: { RELEASE_NODE: 'one' } });
    let output = '';
    child.stdout!.on('data', (chunk) => (output += chunk));
    child.stderr!.on('data', (chunk) => (output += chunk));
    await expect.poll(() => output).toContain('ready');
    program('new file');
    const env = { RELEASE_NODE: 'one' };
    const restarted = await release.run(['restart'], { env });
    expect(restarted).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `one has restarted (PID ${child.pid}).\n`,
    });
    expect(output).toBe(`ready ${child.pid} --port 1\nnew file\nready ${child.pid} --port 1\n`);
    expect((await release.run(['pid'], { env })).stdout).toBe(`${child.pid}\n`);
    expect((await release.run(['restart'], { env })).code).toBe(0);
    expect((await release.run(['stop'], { env })).code).toBe(0);
  });

  test('without its file is refused, and the node runs on', async () => {
    const { release } = await withProgram();
    await started(release);
    const file = path.join(release.root, 'bin/demo');
    chmodSync(file, 0o644);
    expect(await release.run(['restart'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${file} cannot be started again: EACCES`),
    });
    expect((await release.run(['ping'])).stdout).toBe('pong\n');
  });

  test('of one that does not come up again says so', async () => {
    const { release, program } = await withProgram();
    const child = await started(release);
    program('broken; [ "$1" = config ] || exit 7');
    expect(await release.run(['restart'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('demo has stopped and did not come up again'),
    });
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(7);
  });

  test('with a configuration that fails is refused with the cause, and the node runs on', async () => {
    const { release } = await withProgram();
    const child = await started(release);
    writeFileSync(path.join(release.root, 'releases/0.1.0/sys.config.json'), '{ broken');
    const { code, stderr } = await release.run(['restart']);
    expect(code).toBe(1);
    expect(stderr).toContain('demo was not restarted and runs on');
    expect(stderr).toMatch(/sys\.config\.json cannot be read: .*JSON/);
    expect((await release.run(['pid'])).stdout).toBe(`${child.pid}\n`);
    expect((await release.run(['ping'])).stdout).toBe('pong\n');
  });

  test('where nothing runs says so', async () => {
    const release = await demo(0);
    expect((await release.run(['restart'])).stderr).toContain('demo is not running');
  });
});

test('ping says pong only when every application runs', async () => {
  const release = await testRelease({
    applications: ['store', 'web'],
    files: {
      'lib/store/application.mjs': `export default { start() { console.log('ready'); },
        stop() { return new Promise((resolve) => setTimeout(resolve, 1500)); } };`,
      'lib/web/application.mjs': `import { existsSync } from 'node:fs';
        export default { async start() {
          while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 20));
        } };`,
    },
  });
  const child = await started(release);
  expect(await release.run(['ping'])).toMatchObject({
    code: 1,
    stdout: 'pang\n',
    stderr: `demo: demo (PID ${child.pid}) is starting: web.\n`,
  });
  writeFileSync(path.join(release.root, 'go'), '');
  await expect.poll(async () => (await release.run(['ping'])).stdout).toBe('pong\n');
  child.kill('SIGTERM');
  expect((await release.run(['ping'])).stderr).toBe(`demo: demo (PID ${child.pid}) is stopping.\n`);
});

test('pid and ping', async () => {
  const release = await demo(0);
  expect(await release.run(['pid'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('demo is not running'),
  });
  const child = await started(release);
  expect(await release.run(['pid'])).toEqual({ code: 0, stdout: `${child.pid}\n`, stderr: '', signal: null });
  expect(await release.run(['ping'])).toEqual({ code: 0, stdout: 'pong\n', stderr: '', signal: null });
});
