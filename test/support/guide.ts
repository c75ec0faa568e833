import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { temporaryDirectory } from './run.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** A fenced block of a page. */
export interface Block {
  /** `sh`, `console`, `text`, or a language with the name of a file: `ts sarma.config.ts`. */
  readonly info: string;
  readonly text: string;
  /** Of its first line, from 1 on. */
  readonly line: number;
}

/** What a page is followed in: a folder that begins empty, and a home of its own. */
export interface Scratch {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>> & { readonly HOME: string };
}

/** The fenced blocks of a page, in its order. */
export async function blocksOf(file: string): Promise<readonly Block[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const info = /^```(.*)$/.exec(lines[at]!)?.[1];
    if (info === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end === -1) throw new Error(`${file}:${at + 1}: the block is not closed`);
    blocks.push({ info, text: lines.slice(at + 1, end).join('\n'), line: at + 1 });
    at = end;
  }
  return blocks;
}

/** Links of a page to files that are not there, or to a heading that the file has not. */
export async function deadLinks(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8');
  const dead: string[] = [];
  for (const [, link] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
    const [name, heading] = link!.split('#') as [string, string | undefined];
    const there = name === '' ? file : path.resolve(path.dirname(file), name);
    const isThere = existsSync(there);
    if (!isThere || (heading !== undefined && !headings(await readFile(there, 'utf8')).includes(heading)))
      dead.push(link!);
  }
  return dead;
}

/** As what they are linked to: small letters and `-`. */
function headings(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\d _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** An empty folder in which `sarma`, `wrap` and `node` are those of this checkout. */
export async function openScratch(): Promise<Scratch> {
  const home = await temporaryDirectory();
  const bin = path.join(home, 'bin');
  const directory = path.join(home, 'project');
  const temporary = path.join(home, 'tmp');
  for (const folder of [bin, directory, temporary]) await mkdir(folder);
  // Where the README says that a checkout lies.
  await symlink(ROOT, path.join(home, 'sarma'));
  for (const program of ['sarma', 'wrap']) {
    const command = path.join(ROOT, `packages/cli/bin/${program}.js`);
    await writeFile(path.join(bin, program), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`);
    await chmod(path.join(bin, program), 0o755);
  }
  // What npm sets for its own scripts would be read by the npm of a page.
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const env = {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    PATH: `${bin}:${path.dirname(process.execPath)}:${process.env.PATH}`,
    HOME: home,
    XDG_CACHE_HOME: path.join(home, 'cache'),
    XDG_STATE_HOME: path.join(home, 'state'),
    XDG_RUNTIME_DIR: '',
    TMPDIR: temporary,
    // That of the other tests: runtimes are fetched and compressed once.
    SARMA_BUILD_CACHE: process.env.SARMA_BUILD_CACHE ?? path.join(homedir(), '.cache/sarma-build'),
    NO_COLOR: '1',
    CI: '1',
  };
  return { directory, env };
}

/**
 * Ends what still runs of all that a page has started, and says what that was. It is known by the home that no other
 * process has; where the system does not tell the environment of processes (anywhere but on Linux), nothing is.
 */
export async function endLeftovers({ env }: Scratch): Promise<readonly string[]> {
  const left: string[] = [];
  for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.split('\0').includes(`HOME=${env.HOME}`)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (kill(Number(pid))) left.push(command.replaceAll('\0', ' ').trim());
  }
  return left;
}

/** False where it has ended by itself. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Does what a reader would do with a block. Throws, with page and line, where the page is wrong. */
export async function follow(block: Block, page: string, scratch: Scratch): Promise<void> {
  const [kind, file] = block.info.split(' ') as [string, string | undefined];
  if (file !== undefined) await writeBlock(path.join(scratch.directory, file), block);
  else if (kind === 'sh')
    await runCommands([{ command: block.text, expected: undefined }], block, page, scratch);
  else if (kind === 'console') await runCommands(dialogue(block.text), block, page, scratch);
  else if (kind !== 'text') {
    throw new Error(`${page}:${block.line}: \`\`\`${block.info} is neither sh, console, text nor a file`);
  }
}

async function writeBlock(file: string, { text }: Block): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${text}\n`);
  if (text.startsWith('#!')) await chmod(file, 0o755);
}

interface Exchange {
  readonly command: string;
  /** What it prints, stdout and stderr; `…` stands for anything in a line, a line `…` for any lines. Undefined: not said. */
  readonly expected: string | undefined;
}

/** `$ command` and the lines behind it. */
function dialogue(text: string): readonly Exchange[] {
  return text
    .split(/^(?=\$ )/m)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [first, ...rest] = part.trimEnd().split('\n') as [string, ...string[]];
      return { command: first.slice(2), expected: rest.join('\n') };
    });
}

async function runCommands(
  exchanges: readonly Exchange[],
  block: Block,
  page: string,
  scratch: Scratch,
): Promise<void> {
  for (const { command, expected } of exchanges) {
    const { exitCode, printed } = await runInShell(command, scratch);
    const where = `${page}:${block.line}: ${command}`;
    if (exitCode === undefined)
      throw new Error(`${where}\ndid not end within ${LIMIT / 1000} s:\n${printed}`);
    if (expected === undefined && exitCode !== 0)
      throw new Error(`${where}\nended with ${exitCode}:\n${printed}`);
    if (expected !== undefined && !pattern(expected).test(`${printed.trimEnd()}\n`)) {
      throw new Error(`${where}\nprinted:\n${printed}\nand the page says:\n${expected}`);
    }
  }
}

/** Milliseconds that one command of a page may take. */
const LIMIT = 60_000;

/** What a command prints to stdout and stderr, in its order. `exitCode` is undefined where it did not end in time. */
async function runInShell(command: string, { directory, env }: Scratch) {
  // A file and no pipe: what goes on in the background would hold a pipe open.
  const output = path.join(env.HOME, 'printed');
  const { exitCode } = await execa('bash', ['-e', '-c', `exec >"$0" 2>&1\n${command}`, output], {
    cwd: directory,
    env,
    extendEnv: false,
    reject: false,
    stdio: 'ignore',
    timeout: LIMIT,
  });
  return { exitCode, printed: await readFile(output, 'utf8') };
}

function pattern(expected: string): RegExp {
  const lines = expected.split('\n').map((line) => {
    if (line === '…') return '(?:.*\\n)*?';
    return `${line.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('…', '.*')}\\n`;
  });
  return new RegExp(`^${lines.join('')}$`);
}
