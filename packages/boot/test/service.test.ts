import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { launchd } from '../src/service/launchd.ts';
import { systemd } from '../src/service/systemd.ts';
import type { ServiceUnit } from '../src/service/unit.ts';
import { runLauncher } from '../src/service/windows.ts';
import { type TestRelease, testRelease } from './support/release.ts';

const unit: ServiceUnit = {
  name: 'demo2',
  release: 'demo',
  scope: 'system',
  program: '/opt/odd dir/100%/demo',
  environment: { RELEASE_NODE: 'demo2' },
  managedState: true,
  mutableDirectory: '/var/lib/demo',
  shutdownTimeout: 10_000,
  runAs: 'daemon',
};

const has = (tool: string) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined;

/** A release with a program to be called by; without a bus of a systemd, whatever the host has. */
async function release(): Promise<TestRelease> {
  const demo = await testRelease({
    files: {
      'lib/demo/application.mjs': 'export default { start() { console.log("up"); } };',
      'bin/demo': `#!/bin/sh\nexec '${process.execPath}' "$(dirname "$0")/../releases/0.1.0/boot.cjs" "$@"\n`,
    },
    applications: ['demo'],
  });
  await chmod(path.join(demo.root, 'bin/demo'), 0o755);
  return demo;
}

const userUnit = (demo: TestRelease, name = 'demo') =>
  path.join(demo.root, `.config/systemd/user/${name}.service`);

test('a unit for systemd starts the program as its user, knows its state directory and when to start it again', () => {
  expect(systemd.file(unit)).toBe('/etc/systemd/system/demo2.service');
  const lines = systemd.text(unit).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      '# Made by "demo service install"; "demo service uninstall" removes it.',
      'Type=exec',
      'ExecStart="/opt/odd dir/100%%/demo" start',
      'Environment="RELEASE_NODE=demo2"',
      'EnvironmentFile=-/etc/demo2.env',
      'User=daemon',
      'StateDirectory=demo',
      'WorkingDirectory=-%S/demo',
      'Restart=on-failure',
      'KillMode=mixed',
      'TimeoutStopSec=15',
      'WantedBy=multi-user.target',
    ]),
  );
});

test.skipIf(!has('systemd-analyze'))('systemd accepts it, with every odd character in the path', async () => {
  const demo = await release();
  const directory = path.join(demo.root, 'odd dir 100% $HOME ;&é');
  await mkdir(directory);
  const program = path.join(directory, 'demo');
  const file = path.join(demo.root, 'demo2.service');
  await writeFile(file, systemd.text({ ...unit, program }));
  // Not there yet: systemd has to name the very path that was meant.
  const before = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  expect(before.stderr).toContain(`Command ${program} is not executable`);
  await symlink('/bin/true', program);
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.skipIf(!has('python3'))('a property list for launchd is one, and says what it should', () => {
  const odd: ServiceUnit = { ...unit, program: '/opt/<a> & "b"/demo' };
  expect(launchd.file(odd)).toBe('/Library/LaunchDaemons/demo2.plist');
  const read = 'import json, plistlib, sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
  const parsed = JSON.parse(
    execFileSync('python3', ['-c', read], { input: launchd.text(odd), encoding: 'utf8' }),
  );
  expect(parsed).toEqual({
    Label: 'demo2',
    ProgramArguments: ['/opt/<a> & "b"/demo', 'start'],
    EnvironmentVariables: { RELEASE_NODE: 'demo2' },
    UserName: 'daemon',
    WorkingDirectory: '/var/lib/demo',
    StandardOutPath: '/var/lib/demo/log/demo2.log',
    StandardErrorPath: '/var/lib/demo/log/demo2.log',
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ExitTimeOut: 15,
  });
  expect(launchd.directories(odd)).toEqual(['/var/lib/demo/log']);
  expect(launchd.text(odd)).toContain('<!-- Made by "demo service install";');
});

test('the state of a directory release is given to the user that its service runs as', () => {
  const own: ServiceUnit = { ...unit, managedState: false, mutableDirectory: '/opt/demo/var' };
  expect(systemd.directories(own)).toEqual(['/opt/demo/var']);
  expect(systemd.installing(own)[0]).toEqual(['chown', '-R', 'daemon', '/opt/demo/var']);
  expect(launchd.installing(own)[0]).toEqual(['chown', '-R', 'daemon', '/opt/demo/var']);
  expect(systemd.directories(unit)).toEqual([]);
  expect(systemd.installing(unit)[0]).toEqual(['systemctl', 'daemon-reload']);
});

describe('on Windows the launcher is handed the words', () => {
  /** A stand-in for the launcher that says what it was given, below an executable. */
  const installed = async (exitCode: number) => {
    const demo = await testRelease({
      files: { 'bin/demo.exe': `#!/bin/sh\necho "$0 $@" >> "$HOME/words"\nexit ${exitCode}\n` },
    });
    await chmod(path.join(demo.root, 'bin/demo.exe'), 0o755);
    vi.stubEnv('HOME', demo.root);
    onTestFinished(() => void vi.unstubAllEnvs());
    const directory = path.join(demo.root, 'programs');
    await mkdir(directory);
    const environment = { root: demo.root, name: 'demo', executable: path.join(directory, 'demo_win.exe') };
    const words = async () => (await readFile(path.join(demo.root, 'words'), 'utf8')).trimEnd().split('\n');
    return { demo, environment: environment as never, copy: path.join(directory, 'demo-service.exe'), words };
  };

  test('with the account, by a copy beside the executable, which goes with the service', async () => {
    const { environment, copy, words } = await installed(0);
    expect(runLauncher('install', 'demo2', 'NT AUTHORITY\\LocalService', environment)).toBe(0);
    expect(existsSync(copy)).toBe(true);
    expect(runLauncher('uninstall', 'demo2', undefined, environment)).toBe(0);
    expect(existsSync(copy)).toBe(false);
    expect(await words()).toEqual([
      `${copy} service install --name demo2 --account NT AUTHORITY\\LocalService --executable ${path.dirname(copy)}/demo_win.exe`,
      `${copy} service uninstall --name demo2`,
    ]);
  });

  test('a copy that served for nothing is removed, and what fails is a sentence', async () => {
    const { demo, environment, copy } = await installed(1);
    expect(runLauncher('install', 'demo', undefined, environment)).toBe(1);
    expect(existsSync(copy)).toBe(false);
    await rm(path.join(demo.root, 'bin/demo.exe'));
    expect(() => runLauncher('install', 'demo', undefined, environment)).toThrow(
      / cannot be written: ENOENT/,
    );
    expect(() => runLauncher('status', 'demo', undefined, environment)).toThrow(/ cannot be run: /);
  });
});

test('--dry-run prints the unit and writes nothing', async () => {
  const demo = await release();
  const { code, stdout, stderr } = await demo.run(['service', 'install', '--user', '--dry-run']);
  expect(code).toBe(0);
  expect(stdout).toContain(`ExecStart="${demo.root}/bin/demo" start\n`);
  expect(stdout).toContain('WantedBy=default.target\n');
  expect(stderr).toBe(`Would be written to ${userUnit(demo)}.\n`);
  expect(existsSync(path.dirname(userUnit(demo)))).toBe(false);
});

test('install writes the unit of the node, again and again, and uninstall removes it', async () => {
  const demo = await release();
  const env = { RELEASE_NODE: 'demo7' };
  const file = userUnit(demo, 'demo7');
  expect((await demo.run(['service', 'install', '--user'], { env })).stdout).toContain(`Wrote ${file}.\n`);
  expect(await readFile(file, 'utf8')).toContain('Environment="RELEASE_NODE=demo7"\n');
  expect((await demo.run(['install', '--user'], { env })).stdout).toContain(`Replaced ${file}.\n`);
  expect(await demo.run(['uninstall', '--user'], { env })).toMatchObject({
    code: 0,
    stdout: `Removed ${file}.\n`,
  });
  expect(existsSync(file)).toBe(false);
});

test('a unit that somebody else made is not touched', async () => {
  const demo = await release();
  await mkdir(path.dirname(userUnit(demo)), { recursive: true });
  await writeFile(userUnit(demo), '[Service]\nExecStart=/bin/true\n');
  for (const action of ['install', 'uninstall']) {
    const { code, stderr } = await demo.run(['service', action, '--user']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `demo: ${userUnit(demo)} was not made by demo service install, and is left alone. Remove it, or choose another --name.\n`,
    );
  }
  expect(await readFile(userUnit(demo), 'utf8')).toBe('[Service]\nExecStart=/bin/true\n');
});

test.each([
  [['service'], 'service expects one of install, uninstall, status.'],
  [['service', 'instal'], 'service expects one of install, uninstall, status.'],
  [['service', 'install', '--user', '--system'], '--user and --system exclude each other.'],
  [['service', 'install', '--name', '../x'], '"../x" cannot name a service'],
  [['service', 'install', '--user', '--run-as', 'daemon'], '--run-as needs --system.'],
  [
    ['service', 'install', '--system', '--run-as', 'no-such-user'],
    'This system has no user "no-such-user". Nothing was written.',
  ],
  [['service', 'install', '--bogus'], "Unknown option '--bogus'. What is known: bin/demo help service\n"],
  [['service', 'install', '--account', 'x'], 'There is no --account outside Windows'],
  [['service', 'status', '--user'], 'demo is not installed as a service of the user'],
  [['service', 'uninstall', '--user'], 'demo is not installed as a service of the user'],
])('%j is a sentence and exit 1', async (words, sentence) => {
  const { code, stderr } = await (await release()).run(words);
  expect(code).toBe(1);
  expect(stderr).toContain(`demo: ${sentence}`);
});

test('a path that systemd does not take is refused with a sentence', () => {
  for (const character of ['"', "'", '\\', '\n']) {
    expect(() => systemd.text({ ...unit, program: `/opt/a${character}b/demo` })).toThrow(
      /^systemd takes no path with /,
    );
  }
});

const asOther = ['--reuid=65534', '--regid=65534', '--clear-groups'];
const canBeOther = spawnSync('setpriv', [...asOther, 'true']).status === 0;

test.skipIf(!canBeOther)('a user who may not write the unit is told to be root', async () => {
  const demo = await release();
  // The tests' own directory is closed to others.
  const place = await mkdtemp(path.join(tmpdir(), 'sarma-service-'));
  onTestFinished(() => rm(place, { recursive: true }));
  await cp(demo.root, place, { recursive: true });
  await chmod(place, 0o755);
  const { status, stderr } = spawnSync(
    'setpriv',
    [...asOther, path.join(place, 'bin/demo'), 'service', 'install', '--system'],
    { encoding: 'utf8', env: { PATH: process.env.PATH } },
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^demo: \/etc\/systemd\/system\/demo\.service: EACCES.*Run it as root, or with --user\.\n$/,
  );
});
