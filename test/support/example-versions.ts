import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { build, copyExample } from './examples.ts';
import { runCommand, temporaryDirectory } from './run.ts';

// Versions of an example that differ in their code and in the shape of their state, and fail where they are told to.

export const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.4.0'] as const;

/** Like 0.4.0, with another Node. */
export const OTHER_NODE = '0.5.0';

/** What every version says of its code and of its state. */
export interface Example {
  readonly name: string;
  /** The `package.json` that have the version. */
  readonly manifests: readonly string[];
  /** The source directories that get `version.ts`, which exports what `changes` use. */
  readonly sources: readonly string[];
  /** File → what is put in the place of what stands there. */
  readonly changes: Readonly<Record<string, readonly (readonly [string | RegExp, string])[]>>;
}

/** How a version keeps a count. */
export const SHAPES: Readonly<Record<string, (count: number) => unknown>> = {
  '0.1.0': (count) => count,
  '0.2.0': (count) => count,
  '0.3.0': (count) => ({ count }),
  '0.4.0': (count) => ['count', count],
  '0.5.0': (count) => ['count', count],
};

const COUNTS: Readonly<Record<string, string>> = {
  '0.1.0': '(shape) => shape',
  '0.2.0': '(shape) => shape',
  '0.3.0': '({ count }) => count',
  '0.4.0': '([, count]) => count',
  '0.5.0': '([, count]) => count',
};

/** `fault`: what the file of that name in the state directory wants of a version at a step, as `0.2.0 start kill`. */
const versionFile = (version: string, before: string) => `
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
export const VERSION = '${version}';
export const shapeOf = ${SHAPES[version]};
export const countOf = ${COUNTS[version]};
const shapeBefore = ${SHAPES[before]};
const countBefore = ${COUNTS[before]};
/** In codeChange. */
export function converted(shape: unknown, { step, direction }: { step: string; direction: string }): any {
  if (step === 'leave') return shapeBefore(countOf(shape));
  return direction === 'upgrade' ? shapeOf(countBefore(shape)) : shape;
}
export function fault(step: string): boolean {
  const file = path.join(process.env.RELEASE_MUTABLE_DIR!, 'fault');
  const [version, when, what] = existsSync(file) ? readFileSync(file, 'utf8').split(' ') : [];
  if (version !== VERSION || when !== step) return true;
  if (what === 'throw') throw new Error(\`broken at \${step}\`);
  if (what === 'kill') process.kill(process.pid, 'SIGKILL');
  if (what === 'orphan') process.kill(process.ppid, 'SIGKILL');
  return what !== 'false';
}
`;

/** The same of a hook, whose parent is the node. */
const hook = (step: string) => `#!/bin/sh
case "$(cat "$RELEASE_MUTABLE_DIR/fault" 2>/dev/null)" in
  "$RELEASE_VSN ${step} throw") echo "broken at ${step}" >&2; exit 1 ;;
  "$RELEASE_VSN ${step} kill") kill -9 $PPID ;;
  "$RELEASE_VSN ${step} orphan") kill -9 "$(ps -o ppid= -p $PPID | tr -d ' ')" ;;
esac
`;

const LIFECYCLE: Example['changes'][string] = [
  ['export default', "import { converted, countOf, fault, shapeOf } from './version.ts';\nexport default"],
  ['defineApplication({\n', "defineApplication({\n  health: () => fault('health'),\n"],
  [/\n {2}(?:async )?(start|stop|codeChange)\(.*\{\n/g, "$&    fault('$1');\n"],
];

export const KV: Example = {
  name: 'kv',
  manifests: ['apps/kv/package.json', 'apps/kv_server/package.json'],
  sources: ['apps/kv/src', 'apps/kv_server/src'],
  changes: {
    'apps/kv/src/registry.ts': [
      ['export class', "import { countOf, shapeOf } from './version.ts';\nexport class"],
      ['kept = 0', 'kept: any = shapeOf(0)'],
      ['this.#kept += 1', 'this.#kept = shapeOf(countOf(this.#kept) + 1)'],
    ],
    'apps/kv/src/application.ts': [
      ['export default', "import { converted } from './version.ts';\nexport default"],
      ['{ onExchange }) {', 'change) {\n    const { onExchange } = change;'],
      [
        'Registry.after(registry)',
        'Registry.after({ parts: { ...registry.parts, kept: converted(registry.parts.kept, change) } } as Registry)',
      ],
    ],
    'apps/kv_server/src/application.ts': LIFECYCLE,
    'apps/kv_server/src/server.ts': [
      ['export class', "import { VERSION } from './version.ts';\nexport class"],
      ["'UNKNOWN COMMAND'", "'UNKNOWN COMMAND ' + VERSION"],
    ],
  },
};

export const NOTES: Example = {
  name: 'notes',
  manifests: ['package.json'],
  sources: ['src'],
  changes: {
    'src/application.ts': [
      ...LIFECYCLE,
      ['{ secretKeyBase, database, server };', '{ secretKeyBase, database, server, written: shapeOf(0) };'],
      ['(state, { step, onExchange }) {', '(state, change) {\n    const { step, onExchange } = change;'],
      // Requests that come while it waits count, too.
      [
        'const { database, server } = state;',
        `const { database, server } = state;
    const next = { ...state };
    onExchange(() => { next.written = converted(state.written, change); });`,
      ],
      ["step === 'leave') return state", "step === 'leave') return next"],
      ['handlerFor(state, server);\n    onExchange', 'handlerFor(next, server);\n    onExchange'],
      ['\n    return state;\n  },\n});', '\n    return next;\n  },\n});'],
      [
        'async function handlerFor(',
        `async function handlerFor(state: any, server: Server): Promise<RequestListener> {
  const handler = await plainHandler(state, server);
  return (request, response) => {
    if (request.method === 'POST') state.written = shapeOf(countOf(state.written) + 1);
    handler(request, response);
  };
}
async function plainHandler(`,
      ],
    ],
    'src/server.ts': [
      ['import fastify', "import { VERSION } from './version.ts';\nimport fastify"],
      ['if (isClosing())', "reply.header('x-version', VERSION);\n    if (isClosing())"],
    ],
  },
};

/** Version → its assembled directory and its executable. */
export type Built = Readonly<Record<string, { readonly directory: string; readonly executable: string }>>;

/** Builds an example in all versions. */
export async function buildVersions(example: Example): Promise<Built> {
  const { name } = example;
  const project = await copyExample(name);
  await prepare(project, example);
  const place = await temporaryDirectory();
  const built: Record<string, Built[string]> = {};
  for (const [index, version] of [...VERSIONS, OTHER_NODE].entries()) {
    await setVersion(project, example, version, [...VERSIONS, OTHER_NODE][Math.max(0, index - 1)]!);
    const words = ['wrap', name, '--current', '--compression', 'fast'];
    if (version === OTHER_NODE) await buildWithOtherNode(project, words);
    else await build(project, words);
    const directory = path.join(place, `${name}-${version}`);
    const executable = path.join(place, `${name}_${version}`);
    await cp(path.join(project, '_build/prod/rel', name), directory, {
      recursive: true,
      verbatimSymlinks: true,
    });
    await cp(path.join(project, `burrito_out/${name}_${process.platform}-${process.arch}`), executable);
    built[version] = { directory, executable };
  }
  return built;
}

/** What is the same in all versions. */
async function prepare(project: string, { changes }: Example): Promise<void> {
  for (const [name, replacements] of Object.entries(changes)) {
    const file = path.join(project, name);
    let text = await readFile(file, 'utf8');
    for (const [from, to] of replacements) {
      const next = text.replace(from, to);
      expect(next, `${name} has no ${from}`).not.toBe(text);
      text = next;
    }
    await writeFile(file, text);
  }
  const hooks = path.join(project, 'rel/hooks');
  await mkdir(hooks, { recursive: true });
  for (const step of ['post_start', 'post_upgrade'])
    await writeFile(path.join(hooks, `${step}.sh`), hook(step), { mode: 0o755 });
}

async function setVersion(
  project: string,
  { manifests, sources }: Example,
  version: string,
  before: string,
): Promise<void> {
  for (const manifest of manifests) {
    const file = path.join(project, manifest);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/"version": "[^"]*"/, `"version": "${version}"`));
  }
  for (const source of sources)
    await writeFile(path.join(project, source, 'version.ts'), versionFile(version, before));
}

/** The next Node but one, so that there is one whichever runs the tests. */
async function buildWithOtherNode(project: string, words: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await runCommand([...words, '--runtime', OTHER_RUNTIME], {
    cwd: project,
    timeout: 300_000,
  });
  expect(exitCode, stdout + stderr).toBe(0);
}

/** The major version of it. */
export const OTHER_RUNTIME = process.versions.node.startsWith('26.') ? '24' : '26';
