import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  type AssembledRelease,
  assemble,
  loadRelease,
  type OnNotice,
  type ReleaseOptions,
} from '../../src/index.ts';

/** A folder of its own with files in it, removed after the test. Objects are written as JSON. */
export function project(files: Readonly<Record<string, string | object>>): string {
  const root = path.join(realpathSync(mkdtempSync(path.join(tmpdir(), 'sarma-release-'))), 'project');
  onTestFinished(() => rmSync(path.dirname(root), { recursive: true, force: true }));
  mkdirSync(root);
  write(root, files);
  return root;
}

export function write(root: string, files: Readonly<Record<string, string | object>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    if (typeof content === 'string' && content.startsWith('#!')) chmodSync(file, 0o755);
  }
}

const bin = fileURLToPath(new URL('../../../../node_modules/.bin', import.meta.url));

/** A real install, by the package manager's own program. */
export function install(root: string, manager: 'npm' | 'pnpm' | 'yarn', ...more: readonly string[]): void {
  const program = manager === 'npm' ? 'npm' : path.join(bin, manager);
  const quiet = manager === 'npm' ? ['--no-audit', '--no-fund', '--prefer-offline'] : [];
  // What vitest and npm set for their own children would move the install elsewhere.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !/^npm_(package|lifecycle|config_local)/.test(key)),
  );
  try {
    execFileSync(program, ['install', ...quiet, ...more], {
      cwd: root,
      env,
      stdio: 'pipe',
      encoding: 'utf8',
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${manager} install failed: ${stdout}${stderr}`);
  }
}

/** Loads and assembles; also what was said of it. */
export async function release(root: string, options: Partial<ReleaseOptions> = {}) {
  const said: Parameters<OnNotice>[0][] = [];
  const assembled = await assemble(await loadRelease({ project: root, ...options }), (notice) =>
    said.push(notice),
  );
  const messages = (wanted: string) =>
    said.flatMap(({ level, message }) => (level === wanted ? [message] : []));
  return { ...assembled, notices: messages('info'), warnings: messages('warning') };
}

/**
 * Runs an entry of a release from another place, the project being gone, and gives what it prints.
 * Below the release there is nothing to fall back to.
 */
export function run(
  root: string,
  assembled: AssembledRelease,
  name: string = Object.keys(assembled.entries)[0]!,
): string {
  const away = path.join(path.dirname(root), 'release');
  rmSync(away, { recursive: true, force: true });
  cpSync(assembled.path, away, { recursive: true, verbatimSymlinks: true });
  renameSync(root, `${root}-away`);
  try {
    return execFileSync(process.execPath, [path.join(away, assembled.entries[name]!)], {
      cwd: path.dirname(root),
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
  } finally {
    renameSync(`${root}-away`, root);
  }
}

/** The text of a file of a release. */
export function text(assembled: AssembledRelease, file: string): string {
  return readFileSync(path.join(assembled.path, file), 'utf8');
}
