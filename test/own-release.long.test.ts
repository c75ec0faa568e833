// Sarma as its users get it: the packages that npm would have, and the executable that Sarma makes of itself.
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, runCommand, temporaryDirectory, wrapCommand } from './support/run.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const RUNTIME = ['--runtime', process.versions.node, '--compression', 'fast'];

const SERVICE = {
  'package.json': JSON.stringify({
    ...{ name: 'clock', version: '1.0.0', type: 'module' },
    sarma: { application: 'src/application.ts' },
  }),
  'src/application.ts':
    'enum Answer { Yes = "yes" }\n' +
    'export default { start({ config, exit }: any) { console.log(config.hour, Answer.Yes); exit(); }, stop() {} };',
  'config/runtime.ts': 'export default { clock: { hour: Number(process.env.HOUR) } };',
  'sarma.config.ts':
    "import { defineConfig } from 'sarma';\n" +
    "export default defineConfig({ releases: { clock: { applications: { clock: 'permanent' } } } });",
};

beforeAll(async () => {
  await execa(process.execPath, ['scripts/build-packages.ts'], { cwd: ROOT, preferLocal: true });
});

describe('the packages, packed and installed as npm does it,', () => {
  let project: string;
  const command = (name: string, ...args: string[]) =>
    run(path.join(project, 'node_modules/.bin', name), args, {
      ...{ cwd: project, env: { NO_COLOR: '1', PATH: nodeFirst() } },
    });

  beforeAll(async () => {
    const tarballs = await temporaryDirectory();
    await execa('npm', ['pack', '--workspaces', '--pack-destination', tarballs], { cwd: ROOT });
    const { stdout } = await execa('ls', [tarballs]);
    project = path.join(await temporaryDirectory(), 'clock');
    await writeFiles(project, {
      ...SERVICE,
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2024',
          strict: true,
          noEmit: true,
          skipLibCheck: true,
        },
        include: ['*.ts'],
      }),
      'wrong.ts':
        "import { defineApplication } from '@sarma/app';\n" +
        "import { defineConfig } from 'sarma';\n" +
        '// @ts-expect-error\n' +
        "defineConfig({ targets: 'linux-x64' });\n" +
        '// @ts-expect-error\n' +
        "defineApplication({ start() {}, stop: 'it' });\n",
    });
    const files = stdout.split('\n').map((name) => path.join(tarballs, name));
    const offline = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    await execa('npm', ['install', '--save-dev', ...offline, ...files], { cwd: project });
  });

  test('wrap a service whose configuration imports them, and it runs', async () => {
    const { exitCode, stdout, stderr } = await command('wrap', '--current', ...RUNTIME, '-o', 'clock');
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toBe('');
    const env = { SARMA_CACHE_DIR: await temporaryDirectory(), HOME: project, HOUR: '7' };
    expect(await run(path.join(project, 'clock'), [], { env })).toMatchObject({
      ...{ exitCode: 0, stdout: '7 yes\n' },
    });
  });

  test('have types: what is right is taken, what is wrong is not', async () => {
    const tsc = path.join(ROOT, 'node_modules/.bin/tsc');
    const { exitCode, stdout } = await run(tsc, ['--project', project]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
  });

  test('have every command', async () => {
    const { exitCode, stdout } = await command('sarma', 'run', '--env', 'prod');
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: 'NaN yes\n' });
    const init = path.join(await temporaryDirectory(), 'new');
    await writeFiles(init, { 'package.json': '{ "name": "new", "bin": "a.js" }', 'a.js': '' });
    expect(await command('sarma', 'init', init, '--github-actions')).toMatchObject({ exitCode: 0 });
    expect(await readFile(path.join(init, '.github/workflows/release.yml'), 'utf8')).toContain('npm ci');
  });
});

describe('the executable that Sarma makes of itself', () => {
  let sarma: string;

  beforeAll(async () => {
    sarma = path.join(await temporaryDirectory(), 'sarma');
    // Nothing may be imported that no package names.
    const args = [ROOT, '-w', 'sarma', '--current', ...RUNTIME, '--warnings-as-errors', '-o', sarma];
    const { exitCode, stdout, stderr } = await wrapCommand(args);
    expect(exitCode, stdout + stderr).toBe(0);
  });

  test('makes the same bytes as Sarma', async () => {
    const project = path.join(await temporaryDirectory(), 'hello');
    await cp(path.join(ROOT, 'examples/hello'), project, {
      recursive: true,
      filter: (file) => !/burrito_out|_build/.test(file),
    });
    const made = path.join(project, 'made');
    const hash = async () =>
      createHash('sha256')
        .update(await readFile(made))
        .digest('hex');
    const args = ['wrap', project, '--current', ...RUNTIME, '-o', made];
    expect(await run(sarma, args)).toMatchObject({ exitCode: 0 });
    const bytes = await hash();
    expect(await runCommand(args)).toMatchObject({ exitCode: 0 });
    expect(await hash()).toBe(bytes);
  });

  test.skipIf(lacks('mounts'))('builds where there is no Node, no npm, no network and no Sarma', async () => {
    const place = await temporaryDirectory();
    await writeFiles(path.join(place, 'clock'), SERVICE);
    await mkdir(path.join(place, 'home'));
    await copyFile(sarma, path.join(place, 'sarma'));
    const env = {
      ...{ HOME: path.join(place, 'home'), SARMA_BUILD_CACHE: path.join(place, 'build-cache') },
      ...{ SARMA_CACHE_DIR: undefined, XDG_CACHE_HOME: undefined },
    };
    const fetched = await run(path.join(place, 'sarma'), ['fetch', '--current', ...RUNTIME.slice(0, 2)], {
      ...{ cwd: path.join(place, 'clock'), env },
    });
    expect(fetched.exitCode, fetched.stderr).toBe(0);
    const { exitCode, stdout, stderr } = await run('unshare', [
      ...['-m', '-n', 'sh', '-ec', ALONE, place],
      ...[ROOT, '/root', ...(await programsOfNode())],
    ]);
    expect({ exitCode, said: stderr }).toEqual({ exitCode: 0, said: '' });
    expect(stdout.trim().split('\n').at(-1)).toBe('7 yes');
  });
});

/** The tests' own Node first, as npm's scripts have it. */
function nodeFirst(): string {
  return `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`;
}

/** All that a shell would find as Node or one of its package managers. */
async function programsOfNode(): Promise<readonly string[]> {
  const names = ['node', 'nodejs', 'npm', 'npx', 'corepack', 'pnpm', 'yarn'];
  const { stdout } = await execa('which', ['-a', ...names], { reject: false });
  return stdout.split('\n').filter((file) => file !== '' && !file.startsWith(ROOT));
}

/** Hides what its arguments name behind the first, which becomes /mnt; then builds there, and runs what was built. */
const ALONE = `
mount --bind "$0" /mnt
for hidden; do
  if [ -d "$hidden" ]; then mount -t tmpfs tmpfs "$hidden"; else mount --bind /dev/null "$hidden"; fi
done
cd /mnt/clock
export HOME=/mnt/home SARMA_BUILD_CACHE=/mnt/build-cache HOUR=7
for tool in node npm; do
  if $tool --version 2>/dev/null; then echo "there is a $tool" >&2; exit 1; fi
done
/mnt/sarma wrap --current --offline ${RUNTIME.slice(2).join(' ')} -o /mnt/made
/mnt/made
`;
