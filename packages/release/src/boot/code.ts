import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tree } from '../tree.ts';

/** Path relative to `releases/<version>`, with `/` → text. */
type Code = ReadonlyMap<string, string>;

let bundled: Promise<Code> | undefined;

/** Adds `boot.mjs` and its parts to a version's folder. They are the same in every release, and made once per process. */
export async function addBootCode(tree: Tree, folder: string): Promise<void> {
  bundled ??= bundleBoot();
  for (const [name, text] of await bundled)
    tree.set(`${folder}/${name}`, { type: 'text', text, mode: 0o644 });
}

/**
 * What a start needs is in `boot.mjs`, the commands are parts of their own that it imports when they are asked for.
 * Names are kept, since people read them in stacks.
 */
async function bundleBoot(): Promise<Code> {
  const main = fileURLToPath(import.meta.resolve('@sarma/boot/main'));
  const { build } = await import('esbuild');
  const outdir = path.join(path.dirname(main), 'out');
  const { outputFiles } = await build({
    entryPoints: { boot: main },
    absWorkingDir: path.dirname(main),
    outdir,
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // An old Node must be able to parse it far enough to say that it is the wrong one.
    target: 'node18',
    chunkNames: 'boot/[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    minifySyntax: true,
    minifyWhitespace: true,
    charset: 'utf8',
    legalComments: 'none',
    conditions: ['@sarma/source'],
    logLevel: 'silent',
  });
  return new Map(
    outputFiles.map((file) => [path.relative(outdir, file.path).replaceAll(path.sep, '/'), file.text]),
  );
}
