import { readFileSync } from 'node:fs';
import path from 'node:path';
import { resolveAlias } from './alias.ts';
import type { BootCommand, BootFile } from './boot-file.ts';
import { type BuiltinEntry, findEntry } from './builtin-code.ts';
import { useCompileCache } from './compile-cache.ts';
import type { CommandContext } from './context.ts';
import { forgetOtherRelease, makePathsAbsolute, readEnvironment } from './environment.ts';
import { BootError } from './error.ts';
import { errorText } from './error-text.ts';

// The first file of every service, and of programs with a configuration: finds out what is asked for and loads that.
// It is read by whatever Node is there, so it keeps to what old ones can parse until the line has been checked.

async function main(): Promise<void> {
  let boot: BootFile | undefined;
  try {
    // Bundled to CommonJS (packages/release/src/boot/code.ts).
    const folder = __dirname;
    const root = path.resolve(folder, '../..');
    const program = (globalThis as { [PROGRAM]?: string })[PROGRAM];
    // A program's environment is its own, and what it starts may be meant by all of it.
    const env = program === undefined ? process.env : { ...process.env };
    forgetOtherRelease(root, env);
    makePathsAbsolute(env);
    boot = readBoot(env.RELEASE_BOOT_SCRIPT || path.join(folder, 'boot.json'));
    refuseOtherLine(boot);
    if (process.platform === 'win32') {
      const { envScriptVariables } = await import('./env-script.ts');
      const changed = envScriptVariables(folder, process.env);
      for (const target of [env, process.env]) Object.assign(target, changed);
    }
    const exitCode = await run(root, boot, program, env);
    if (exitCode !== undefined) await exit(exitCode);
  } catch (error) {
    process.stderr.write(`${boot?.name ?? 'release'}: ${errorText(error)}\n`);
    await exit(1);
  }
}

/** Resolves to the exit code; undefined where the process lives on and ends by itself. */
async function run(
  root: string,
  boot: BootFile,
  program: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<number | undefined> {
  if (program === undefined) return await runCommand(root, boot, process.argv.slice(2));
  const { runProgram } = await import('./run-program.ts');
  return await runProgram(boot, readEnvironment(root, boot, [program], env), program);
}

/** Set by `start-<program>.cjs`, the entry of a program that has a configuration. */
const PROGRAM = Symbol.for('sarma.program');

function readBoot(file: string): BootFile {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as BootFile;
  } catch (error) {
    throw new BootError('NO_BOOT_FILE', `${file} cannot be read: ${(error as Error).message}`);
  }
}

function refuseOtherLine({ name, version, nodeLine }: BootFile): void {
  const running = process.versions.node;
  if (nodeLine === null || running.startsWith(`${nodeLine}.`)) return;
  throw new BootError(
    'WRONG_NODE',
    `${name} ${version} was made for Node ${nodeLine}, and this is Node ${running} (${process.execPath}). Put Node ${nodeLine} first on the PATH, or use a release that includes its runtime.`,
  );
}

async function runCommand(
  root: string,
  boot: BootFile,
  words: readonly string[],
): Promise<number | undefined> {
  const names = boot.commands.map(({ name }) => name);
  const [command, ...args] = resolveAlias(words, names);
  const environment = readEnvironment(root, boot, [command, ...args], process.env);
  const { RELEASE_VM_ARGS, RELEASE_REMOTE_VM_ARGS } = process.env;
  if (RELEASE_VM_ARGS || RELEASE_REMOTE_VM_ARGS)
    (await import('./apply-vm-args.ts')).applyVmArgs(environment);
  const context: CommandContext = {
    boot,
    environment,
    args,
    // Node makes them when they are asked for: a start that prints nothing does without.
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
  };
  const builtin = findEntry(command);
  if (builtin !== undefined) return await runBuiltin(command, builtin, context);
  const custom = boot.commands.find(({ name }) => name === command);
  if (custom !== undefined) return await runCustom(custom, context);
  const { unknownCommand, usage } = await import('./usage.ts');
  process.stderr.write(`${boot.name}: ${unknownCommand(command, boot)}\n\n${usage(boot, environment.prog)}`);
  return 1;
}

async function runBuiltin(
  name: string,
  { load, ownArguments, startsNode, worksMuch }: BuiltinEntry,
  context: CommandContext,
): Promise<number | undefined> {
  const { environment, args } = context;
  const asksForHelp = ownArguments !== true && ['--help', '-h'].includes(args[0] ?? '');
  if (asksForHelp) return await (await import('./commands/help.ts')).run({ ...context, args: [name] });
  if (ownArguments !== true) endQuietlyWithoutReader();
  // Before the code of the start is loaded, which comes from there as well.
  if (startsNode) useCompileCache(environment);
  const { run } = await load();
  hasWorkedMuch = worksMuch === true;
  return await run(context).catch(usageError(`${environment.prog} help ${name}`));
}

async function runCustom(command: BootCommand, context: CommandContext): Promise<number> {
  const { run } = await import('./commands/custom.ts');
  return await run(context, command).catch(usageError(`${context.environment.prog} ${command.name} --help`));
}

/** What `util.parseArgs` says of a command line is meant for whoever typed it. `help` is what they may type next. */
function usageError(help: string): (error: unknown) => never {
  return (error) => {
    const isUsage =
      error instanceof Error && /^ERR_PARSE_ARGS_/.test((error as NodeJS.ErrnoException).code ?? '');
    if (!isUsage) throw error;
    // It goes on about positional arguments that begin with a dash.
    const [what] = error.message.split('. To specify ');
    throw new BootError('USAGE', `${what}. What is known: ${help}`);
  };
}

/** `describe | head` is no failure. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

let hasWorkedMuch = false;

/** Ends the process once what was printed is on its way: a command may leave timers or connections behind. */
async function exit(exitCode: number): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))),
  );
  if (hasWorkedMuch) (await import('./end-at-once.ts')).endAtOnce(exitCode);
  process.exit(exitCode);
}

main();
