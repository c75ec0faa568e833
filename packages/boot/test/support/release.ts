import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { madeOnce } from '../../../../test/support/made-once.ts';
import { addBootCode } from '../../../release/src/boot/code.ts';
import type { Tree } from '../../../release/src/tree.ts';
import type { BootApplication, BootFile, Instruction } from '../../src/boot-file.ts';

// A release as `assemble` leaves one, written by hand: what is tested here is the boot alone.

/** A directory release in a place of its own, removed after the test. */
export class TestRelease {
  readonly root: string;
  readonly version: string;

  constructor(root: string, version: string) {
    this.root = root;
    this.version = version;
  }

  /** The command's process; its environment is bare, so that nothing of the one who runs the tests gets in. */
  spawn(args: readonly string[], options: RunOptions = {}): ChildProcess {
    const file = path.join(this.root, 'releases', this.version, options.entry ?? 'boot.cjs');
    const env = { PATH: process.env.PATH, HOME: this.root, ...options.env };
    const runtime = options.runtime ?? process.execPath;
    const child = spawn(runtime, [...(options.vmArgs ?? []), file, ...args], {
      cwd: this.root,
      env,
      ...(options.uid === undefined ? {} : { uid: options.uid }),
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return await outcome(this.spawn(args, options));
  }

  /** Starts the node and waits for a line on its stdout. */
  async start(line: string, options: RunOptions = {}): Promise<Started> {
    const child = this.spawn(['start', ...(options.args ?? [])], options);
    const ended = outcome(child);
    await new Promise<void>((resolve, reject) => {
      let text = '';
      child.stdout!.on('data', (chunk) => {
        text += chunk;
        if (text.split('\n').includes(line)) resolve();
      });
      void ended.then(({ stderr }) =>
        reject(new Error(`It ended without the line ${line}: ${text}\n${stderr}`)),
      );
    });
    return { child, ended };
  }
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly vmArgs?: readonly string[];
  /** Beside boot.cjs. */
  readonly entry?: string;
  readonly runtime?: string;
  /** As whom. */
  readonly uid?: number;
}

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

function outcome(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => (stdout += chunk));
  child.stderr!.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ stdout, stderr, code, signal }));
  });
}

export interface ReleaseParts {
  /** Default: 0.1.0. */
  readonly version?: string;
  /** Path in the release → text. `kv` starts `lib/kv/application.mjs`. */
  readonly files: Readonly<Record<string, string>>;
  /** In the order in which they start; a name alone is a permanent one with the module `lib/<name>/application.mjs`. */
  readonly applications?: readonly (string | (Partial<BootApplication> & { readonly name: string }))[];
  /** Laid over boot.json. */
  readonly boot?: Partial<BootFile>;
  /** sys.config.json. */
  readonly config?: unknown;
  /** Where it is made. Default: the directory of the tests, which no other user can read. */
  readonly directory?: string;
}

/** The release `demo` of these parts. */
export async function testRelease({
  version = '0.1.0',
  files,
  applications = [],
  boot,
  config = {},
  directory = process.env.SARMA_TEST_DIRECTORY ?? tmpdir(),
}: ReleaseParts): Promise<TestRelease> {
  const root = await mkdtemp(path.join(directory, 'boot-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const sys = `releases/${version}/sys.config.json`;
  const bootFile = bootOf(applications, { version, ...boot, configuration: { sys, ...boot?.configuration } });
  const all: Record<string, string> = {
    'package.json': '{"private":true,"type":"commonjs"}',
    'releases/start.json': JSON.stringify({ version, runtime: null }),
    [`releases/${version}/boot.json`]: JSON.stringify(bootFile),
    [sys]: JSON.stringify(config),
    ...files,
  };
  for (const [name, text] of Object.entries(await bootCode())) all[`releases/${version}/${name}`] = text;
  for (const [name, text] of Object.entries(all)) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text, { mode: name.includes('/hooks/') ? 0o755 : 0o644 });
  }
  return new TestRelease(root, version);
}

/** The boot.json of these applications; what is given is laid over it. */
export function bootOf(
  applications: NonNullable<ReleaseParts['applications']>,
  given: Omit<Partial<BootFile>, 'configuration'> & {
    readonly version: string;
    readonly configuration?: Partial<BootFile['configuration']>;
  },
): BootFile {
  const bootApplications = applications.map(bootApplication);
  return {
    format: 1,
    name: 'demo',
    kind: 'service',
    environment: 'prod',
    nodeLine: null,
    main: 'lib/demo',
    programs: {},
    instructions: instructionsFor(bootApplications),
    applications: bootApplications,
    commands: [],
    hooks: {},
    shutdownTimeout: 5000,
    ...given,
    configuration: {
      sys: `releases/${given.version}/sys.config.json`,
      providers: [],
      runtime: null,
      requiredEnv: [],
      compiled: {},
      validateCompileEnv: true,
      ...given.configuration,
    },
  };
}

function bootApplication(
  given: string | (Partial<BootApplication> & { readonly name: string }),
): BootApplication {
  const { name, ...rest } = typeof given === 'string' ? { name: given } : given;
  return {
    name,
    version: '1.0.0',
    path: `lib/${name}`,
    mode: 'permanent',
    module: `lib/${name}/application.mjs`,
    dependencies: [],
    ...rest,
  };
}

function instructionsFor(applications: readonly BootApplication[]): readonly Instruction[] {
  const loaded = applications.filter(({ mode }) => mode !== 'none');
  return [
    { do: 'configure' },
    ...loaded.map(({ name }) => ({ do: 'load', application: name }) as const),
    ...loaded
      .filter(({ mode }) => mode !== 'load')
      .map(({ name }) => ({ do: 'start', application: name }) as const),
  ];
}

let code: Promise<Code> | undefined;

/** Name of a file → its text. */
type Code = Readonly<Record<string, string>>;

/** The boot as a release carries it, bundled once in a run of the tests. */
async function bootCode(): Promise<Code> {
  code ??= readCode();
  return await code;
}

async function readCode(): Promise<Code> {
  const directory = await madeOnce('boot', async (made) => {
    const tree: Tree = new Map();
    await addBootCode(tree, '.');
    const texts = [...tree].map(([name, entry]) => [name, (entry as { readonly text: string }).text]);
    await writeFile(path.join(made, 'code.json'), JSON.stringify(Object.fromEntries(texts)));
  });
  return JSON.parse(await readFile(path.join(directory, 'code.json'), 'utf8'));
}
