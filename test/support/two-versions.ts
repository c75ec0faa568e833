import { rename, symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { writeFiles } from './programs.ts';
import { wrapProgram } from './run.ts';
import { showingRuntime } from './runtimes.ts';

/**
 * Two versions of a program as `1.0.0` and `2.0.0` in `directory`, with different runtimes, of which one is kept: the second
 * removes all of the first when it is installed. A release has files, directories and a link. A run with its own runtime
 * prints its files (runtimes.ts); with Node, `whole 1.0.0`.
 */
export async function twoVersions(directory: string): Promise<void> {
  const runtime = await showingRuntime();
  const other = path.join(directory, 'other-runtime');
  // Another runtime is one with other bytes.
  await execa('sh', ['-c', 'cp "$0" "$1" && printf x >>"$1"', runtime, other]);
  await wrapVersion(directory, '1.0.0', runtime);
  await wrapVersion(directory, '2.0.0', other);
}

async function wrapVersion(directory: string, version: string, runtime: string): Promise<void> {
  const project = path.join(directory, `project-${version}`);
  await writeFiles(project, {
    'package.json': JSON.stringify({
      ...{ name: 'killed', version, bin: 'main.js' },
      sarma: { wrap: { keep: 1 } },
    }),
    'main.js': "process.stdout.write(require('./data/link.json'));\n",
    'data/text.json': `"whole ${version}\\n"`,
    'data/deep/more.txt': 'more',
  });
  await symlink('text.json', path.join(project, 'data/link.json'));
  const file = await wrapProgram({ directory: project, entry: 'main.js' }, ['--runtime', runtime]);
  await rename(file, path.join(directory, version));
}
