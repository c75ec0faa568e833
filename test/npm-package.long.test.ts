import { copyFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test, vi } from 'vitest';
import { writePackagers } from '../packages/publish/src/installers/packagers.ts';
import { placeOf } from '../packages/publish/src/place.ts';
import { makeProgram } from './support/programs.ts';
import { run, temporaryDirectory, wrapProgram } from './support/run.ts';

// A release that is installed by npm, from tarballs as `npm publish` would send them.

const NAME = '@ann/told';
const MAIN = `
  console.log(JSON.stringify({ pid: process.pid, args: process.argv.slice(2), bin: process.env.SARMA_BIN }));
  if (process.argv[2] === 'wait') setInterval(() => {}, 1000);
  process.exitCode = 7;
`;

const target = `linux-${process.arch}`;

let project: string;

beforeAll(async () => {
  // In the cache of whoever runs the tests, a Node may be due to be synced, which takes as long as all have written there.
  vi.stubEnv('SARMA_CACHE_DIR', await temporaryDirectory());
  const program = await makeProgram({ name: 'told', version: '1.2.0', bin: 'main.js' }, { 'main.js': MAIN });
  const executable = await wrapProgram(program, ['--compression', 'fast']);
  const file = `told_${target}`;
  const folder = await temporaryDirectory();
  await copyFile(executable, path.join(folder, file));
  const { size } = await stat(executable);
  const executables = [{ program: 'told', target, file, size, sha256: '0'.repeat(64), parts: [] }];
  const settings = { homebrew: false, scoop: false, npm: { name: NAME } } as const;
  const packages = await writePackagers(
    {
      release: { name: 'told', version: '1.2.0', project: program.directory, isService: false, about: {} },
      staged: {
        folder,
        feed: { format: 1, name: 'told', version: '1.2.0', tag: 'v1.2.0', executables },
        files: [],
      },
      place: placeOf({ github: undefined, url: 'https://example.org/', tag: '', isMain: true }, '1.2.0')!,
    },
    settings,
    path.join(folder, 'packagers'),
  );
  const tarballs = await temporaryDirectory();
  for (const one of packages) {
    await execa('npm', ['pack', '--silent', '--pack-destination', tarballs], {
      cwd: path.join(folder, 'packagers', one),
    });
  }
  project = await temporaryDirectory();
  await writeFile(path.join(project, 'package.json'), '{}');
  const files = (await readdir(tarballs)).map((one) => path.join(tarballs, one));
  await execa('npm', ['install', '--offline', '--no-audit', '--no-fund', ...files], { cwd: project });
});

const installed = () => path.join(project, `node_modules/@ann/told-${target}`);

const command = () => path.join(project, 'node_modules/.bin/told');

/** Starts the command with this Node, or as one that cannot become another program does it. */
const WAYS = {
  'a Node that becomes the program': [],
  'a Node that starts the program': ['-e', 'process.execve = undefined; require(process.argv[1])'],
};

for (const [way, args] of Object.entries(WAYS)) {
  test(`a program that came by npm gets its arguments and gives its exit code, by ${way}`, async () => {
    const { stdout, stderr, exitCode } = await run(process.execPath, [...args, command(), 'a', 'b c']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 7 });
    const bin = path.join(project, `node_modules/@ann/told-${target}/bin/told`);
    expect(JSON.parse(stdout)).toMatchObject({ args: ['a', 'b c'], bin });
  });

  test(`a program that came by npm ends by the signal that its command gets, by ${way}`, async () => {
    const started = execa(process.execPath, [...args, command(), 'wait'], { reject: false });
    const [line] = await new Promise<Buffer[]>((resolve) =>
      started.stdout!.once('data', (data) => resolve([data])),
    );
    const { pid } = JSON.parse(String(line));
    if (args.length === 0) expect(pid).toBe(started.pid);
    started.kill('SIGTERM');
    expect((await started).signal).toBe('SIGTERM');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
}

test('a command for which there is no package with the libc of this machine says so', async () => {
  await rename(installed(), `${installed()}.away`);
  const musl = 'process.report.getReport = () => ({ header: {} }); require(process.argv[1])';
  const { stderr, exitCode } = await run(process.execPath, ['-e', musl, command()]);
  await rename(`${installed()}.away`, installed());
  expect([stderr, exitCode]).toEqual([`There is no told for ${target}-musl; there is ${target}.\n`, 1]);
});

test('a command whose package for this machine is missing says which one, and what to do', async () => {
  await rm(installed(), { recursive: true });
  expect(await run(process.execPath, [command()])).toEqual({
    stdout: '',
    stderr: `told comes with the package ${NAME}-${target}, which is not installed: install ${NAME} again, with optional dependencies (no --omit=optional).\n`,
    exitCode: 1,
    signal: undefined,
  });
});
