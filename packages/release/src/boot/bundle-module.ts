import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { runningCopy } from '../import-source.ts';
import { unreadable } from '../sources/parse.ts';
import { ownConditions } from './code.ts';

/**
 * A module with all that it imports as the text of one ES module: a provider of Sarma's own, since the project has no
 * package it could come from, or what the options of a provider name. `@sarma/*` is the copy that runs. Throws
 * ReleaseError CONFIG_PROVIDER.
 */
export async function bundleModule(file: string): Promise<string> {
  const { build } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      minifySyntax: true,
      // What esbuild would say of where each part lay: the same sources give the same release, wherever they are.
      minifyWhitespace: true,
      legalComments: 'inline',
      charset: 'utf8',
      conditions: ownConditions(fileURLToPath(import.meta.url)),
      plugins: [ownPackages],
      logLevel: 'silent',
    });
    const { text } = outputFiles[0]!;
    return text.includes('__require') ? `${REQUIRE}${text}` : text;
  } catch (error) {
    throw unreadable('CONFIG_PROVIDER', file, error);
  }
}

/** CommonJS inside asks for Node's modules by `require`. */
const REQUIRE =
  "import { createRequire as __sarmaCreateRequire } from 'node:module';\n" +
  'const require = __sarmaCreateRequire(import.meta.url);\n';

const ownPackages: Plugin = {
  name: 'sarma-own',
  setup(build) {
    build.onResolve({ filter: /^@sarma\// }, ({ path: module }) => {
      const address = runningCopy(module);
      return address === undefined ? undefined : { path: fileURLToPath(address) };
    });
  },
};
