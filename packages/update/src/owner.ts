import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { UpdateError } from './error.ts';

/** Package managers that are known by where they put files, and what one types to update a package. */
const BY_PLACE: readonly (readonly [place: RegExp, name: string, command: string])[] = [
  [/\/(?:Cellar|Caskroom)\/([^/]+)\//, 'Homebrew', 'brew upgrade $1'],
  [/\/scoop\/apps\/([^/]+)\//i, 'Scoop', 'scoop update $1'],
  [/\/WinGet\/Packages\/([^/_]+)/i, 'WinGet', 'winget upgrade $1'],
  [/\/chocolatey\/lib\/([^/]+)\//i, 'Chocolatey', 'choco upgrade $1'],
  [/\/(?:lib|npm)\/node_modules\/((?:@[^/]+\/)?[^/]+)\//, 'npm', 'npm update -g $1'],
  [/\/node_modules\//, 'npm', 'npm update'],
  [/^\/nix\/store\//, 'Nix', 'nix profile upgrade'],
  [/^\/gnu\/store\//, 'Guix', 'guix upgrade'],
  [/^\/snap\/([^/]+)\//, 'snap', 'snap refresh $1'],
  [/\/mise\/installs\/([^/]+)\//, 'mise', 'mise upgrade $1'],
];

/** Package managers that know their files, and where these are. */
const PACKAGED = /^\/(?:usr|opt|bin|sbin|lib|srv)\//;
const BY_QUESTION: readonly (readonly [program: string, ...args: readonly string[]])[] = [
  ['dpkg', '-S'],
  ['rpm', '-qf'],
  ['apk', 'info', '--who-owns'],
  ['pacman', '-Qo'],
];

/** Throws UpdateError MANAGED for an executable that a package manager looks after: it would put its own back. */
export async function refuseManaged(file: string): Promise<void> {
  const manager = await managerOf(file);
  if (manager !== undefined) throw new UpdateError('MANAGED', manager);
}

/** A sentence about the package manager that looks after an executable. Undefined where none does. */
export async function managerOf(file: string): Promise<string | undefined> {
  const place = file.replaceAll('\\', '/');
  for (const [pattern, name, command] of BY_PLACE) {
    const [found, named = ''] = pattern.exec(place) ?? [];
    if (found !== undefined)
      return `${file} belongs to ${name}, which updates it: \`${command.replace('$1', named)}\`.`;
  }
  if (process.platform !== 'linux' || !PACKAGED.test(file)) return undefined;
  for (const [program, ...args] of BY_QUESTION) {
    const answer = await answerOf(program, [...args, file]);
    if (answer !== undefined) return `${file} belongs to a package (${program}: ${answer}): update that.`;
  }
  return undefined;
}

/** Its first line. Undefined where it is not there, or knows no such file. */
async function answerOf(program: string, args: readonly string[]): Promise<string | undefined> {
  return await promisify(execFile)(program, args, { timeout: 30_000 }).then(
    ({ stdout }) => stdout.split('\n')[0],
    () => undefined,
  );
}

/** Throws UpdateError NOT_WRITABLE in a directory like /tmp, where only whoever owns a file can replace it. */
export async function refuseOthers(file: string): Promise<void> {
  const folder = path.dirname(file);
  const [{ uid }, { mode, uid: folderUid }] = await Promise.all([stat(file), stat(folder)]);
  const isSticky = (mode & 0o1000) !== 0;
  const me = process.geteuid?.() ?? 0;
  if (!isSticky || me === 0 || me === uid || me === folderUid) return;
  throw new UpdateError('NOT_WRITABLE', `${file} belongs to another user, who alone can replace it.`);
}

/** Throws UpdateError NOT_WRITABLE for a file that is mounted by itself, as containers have some: no rename gives its name away. */
export async function refuseMounted(file: string): Promise<void> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  // proc(5): the fifth word, in which spaces and the like are octal.
  const places = mounts.split('\n').map((line) => line.split(' ')[4]?.replace(/\\(\d{3})/g, octal));
  if (!places.includes(file)) return;
  throw new UpdateError(
    'NOT_WRITABLE',
    `${file} is mounted by itself, so no other file can take its name: update the one that is mounted, or mount its directory.`,
  );
}

const octal = (_: string, digits: string) => String.fromCharCode(Number.parseInt(digits, 8));
