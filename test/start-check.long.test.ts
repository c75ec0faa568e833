// What `wrap --verify` finds wrong, and what it takes for a start: the slower half of start-check.test.ts.
import { chmod, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkStart } from '../packages/wrapper/src/start-check.ts';
import { writeFiles } from './support/programs.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory } from './support/run.ts';
import { STARTED, scriptCheck, wrapVerified } from './support/start-check.ts';

describe.skipIf(lacks('mounts'))('with --verify', () => {
  test('one that reads a file of the project fails the build, and the file is named', async () => {
    const project = path.join(await temporaryDirectory(), 'hello');
    const outside = path.join(project, 'data', 'outside.txt');
    const main = `console.log(require('node:fs').readFileSync(${JSON.stringify(outside)}, 'utf8'));`;
    const files = { 'main.js': main, 'data/outside.txt': 'outside' };
    const unproven = await wrapVerified(files, path.dirname(project), []);
    expect(unproven.exitCode).toBe(0);
    // On this machine, it works as long as the project is there.
    expect(
      await run(unproven.file, [], { env: { SARMA_CACHE_DIR: await temporaryDirectory() } }),
    ).toMatchObject({ stdout: 'outside\n' });
    const { stderr, exitCode, file } = await wrapVerified(files, path.dirname(project));
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'hello --version ended with exit status 1 in an empty directory, with the project hidden:',
    );
    expect(stderr).toContain(`It reaches for ${outside}, which is not in the release`);
    expect(stderr).toContain(`${file} was written, and is not proven to start.`);
    expect((await stat(file)).size).toBeGreaterThan(20_000_000);
  });

  test('one that reads what was left out of a package fails, and is told how to keep it', async () => {
    const found = await wrapVerified({
      'package.json': JSON.stringify({
        ...{ name: 'hello', version: '1.0.0', bin: 'main.js' },
        optionalDependencies: { talks: '*' },
      }),
      'main.js': "console.log(require('talks'))",
      'node_modules/talks/package.json': JSON.stringify({ name: 'talks', version: '1.0.0' }),
      'node_modules/talks/index.js': `module.exports = require('fs').readFileSync(__dirname + '/' + ['HIS', 'TORY.', 'md'].join(''), 'utf8')`,
      'node_modules/talks/LICENSE': 'terms',
      'node_modules/talks/HISTORY.md': 'talk',
    });
    expect(found).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('strip: { keep: ["talks/HISTORY.md"] }'),
    });
  });

  test("one that takes a package from the node_modules of the project's parent fails, and the package is named", async () => {
    const parent = await temporaryDirectory();
    await writeFiles(parent, {
      'node_modules/only-there/package.json': JSON.stringify({ name: 'only-there', version: '1.0.0' }),
      'node_modules/only-there/index.js': 'module.exports = 1;',
    });
    const name = "'only-' + 'there'";
    const { project, ...found } = await wrapVerified({ 'main.js': `console.log(require(${name}));` }, parent);
    expect((await run(process.execPath, [path.join(project, 'main.js')])).stdout).toBe('1\n');
    expect(found).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('only-there is not in the release: a package has to be among'),
    });
    // Nor from where it lies, which is outside of the project.
    const place = JSON.stringify(path.join(parent, 'node_modules', 'only-there'));
    expect(await wrapVerified({ 'main.js': `require(${place});` }, parent)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`It reaches for ${JSON.parse(place)}, which is not in the release`),
    });
  });

  test('the arguments are those of wrap.verify, and their exit status counts', async () => {
    const files = (args: readonly string[]) => ({
      'main.js': `console.error('unknown option'); process.exitCode = process.argv[2] === '--help' ? 0 : 64;`,
      'sarma.config.json': JSON.stringify({ releases: { hello: { wrap: { verify: args } } } }),
    });
    const works = await wrapVerified(files(['--help']), '', []);
    expect(STARTED.exec(works.stdout)?.[1]).toBe('hello --help');
    const fails = await wrapVerified(files(['--version']));
    expect(fails.exitCode).toBe(1);
    expect(fails.stderr).toMatch(
      /hello --version ended with exit status 64 .*:\n {2}unknown option\nIf it is to end like this, name arguments/,
    );
  });

  test('where nothing is built for this machine, that is said', async () => {
    const { stdout, exitCode } = await wrapVerified({ 'main.js': '' }, '', ['--verify', '-t', 'win-x64']);
    expect({ stdout, exitCode }).toMatchObject({
      stdout: expect.stringContaining('None of the targets is that of this machine'),
      exitCode: 0,
    });
  });

  test('a service is asked for its version, and to load its configuration', async () => {
    const service = {
      'package.json': JSON.stringify({
        name: 'hello',
        version: '1.0.0',
        main: 'app.mjs',
        type: 'module',
        sarma: { application: './app.mjs' },
      }),
      'app.mjs': 'export default { start() { throw new Error("started"); } };',
      'config/runtime.ts': 'export default {};',
    };
    const { stdout, stderr, exitCode } = await wrapVerified(service);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(STARTED.exec(stdout)?.[1]).toBe('hello version, hello eval 1');
    const broken = await wrapVerified({
      ...service,
      'config/runtime.ts': 'throw new Error("no configuration");',
    });
    expect(broken).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no configuration') });
  });
});

// It is about the check, and not about what is in an executable.
describe.skipIf(lacks('mounts'))('a start', () => {
  test('does not wait for what the program leaves behind', async () => {
    const check = await scriptCheck('sleep 1234.6 & exit 3');
    await expect(checkStart(check)).rejects.toThrow(/exit status 3/);
    expect((await run('pgrep', ['-fx', 'sleep 1234.6'])).stdout).toBe('');
  });

  test('ends when the build is interrupted', async () => {
    const check = await scriptCheck('sleep 1234.7');
    const signal = AbortSignal.timeout(300);
    await expect(checkStart({ ...check, signal })).rejects.toThrow(/abort/i);
    expect(await readdir(path.join(check.cache.directory, 'tmp'))).toEqual([]);
  });

  test.skipIf(lacks('setpriv'))(
    'is possible for users who may not mount, and they stay who they are',
    async () => {
      const check = await scriptCheck('');
      // Below a home of root's nobody else could reach it.
      const { stdout: made } = await run('mktemp', ['-d', '/var/tmp/sarma-start-XXXXXX']);
      const directory = made.trim();
      await chmod(directory, 0o755);
      const secret = path.join(directory, 'project', 'secret');
      const lines = `#!/bin/sh\n[ "$(id -u)" = 1234 ] && [ ! -e ${secret} ] && [ -d ${directory}/project ]\n`;
      await writeFile(path.join(directory, 'app'), lines, { mode: 0o755 });
      await writeFiles(directory, { 'project/secret': '' });
      await run('chown', ['-R', '1234:1234', directory]);
      const own = {
        ...check,
        artifact: { ...check.artifact, file: path.join(directory, 'app') },
        project: path.join(directory, 'project'),
        cache: { directory: path.join(directory, 'cache') },
      };
      const module = path.resolve(import.meta.dirname, '../packages/wrapper/src/start-check.ts');
      const code = `import { checkStart } from ${JSON.stringify(module)}; console.log(await checkStart(${JSON.stringify(own)}));`;
      const node = [process.execPath, '--conditions=@sarma/source', '--input-type=module', '-e', code];
      const user = ['--reuid=1234', '--regid=1234', '--clear-groups', 'env', '-i', ...node];
      const { stdout, stderr } = await run('setpriv', user);
      await run('rm', ['-rf', directory]);
      expect({ stdout, stderr }).toEqual({
        stdout: 'started in an empty directory, with the project hidden: app --version.\n',
        stderr: '',
      });
    },
  );
});
