import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { sourceExtension } from './sources/package.ts';
import { loaderOf, unreadable } from './sources/parse.ts';

/**
 * Imports a TypeScript or JavaScript module of the project into this process, anew each time: on every Node that runs
 * Sarma, with `@sarma/*` standing for this copy, and other packages loaded from where they are. `sarma` is the address
 * of the module that is meant by that name; by default this package stands in for it, which has all that a definition
 * needs. Throws ReleaseError IMPORT_FAILED for what cannot be read; what the module throws goes through as it is.
 */
export async function importSource(file: string, sarma?: string): Promise<Record<string, unknown>> {
  const code = await bundle(file, sarma);
  // Not beside the source, whose folder may be read-only or watched; nothing in it is found by its place.
  const folder = mkdtempSync(path.join(tmpdir(), 'sarma-import-'));
  try {
    const copy = path.join(folder, `${path.parse(file).name}.mjs`);
    writeFileSync(copy, code, { mode: 0o600 });
    return (await import(/* @vite-ignore */ pathToFileURL(copy).href)) as Record<string, unknown>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bundle(file: string, sarma: string | undefined): Promise<string> {
  const { build } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      absWorkingDir: path.dirname(file),
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: `node${process.versions.node}`,
      conditions: ['module-sync', 'node-addons'],
      mainFields: ['main'],
      charset: 'utf8',
      banner: {
        js:
          "import { createRequire as __sarmaCreateRequire } from 'node:module';\n" +
          `const require = __sarmaCreateRequire(${JSON.stringify(pathToFileURL(file).href)});`,
      },
      logLevel: 'silent',
      plugins: [outsidePackages(sarma)],
    });
    return outputFiles[0]!.text;
  } catch (error) {
    throw unreadable('IMPORT_FAILED', file, error);
  }
}

const asked = Symbol('asked');

/** Sources are bundled; packages are loaded by Node from the place where the source finds them. */
const outsidePackages = (sarma: string | undefined): Plugin => ({
  name: 'sarma-import',
  setup(build) {
    build.onResolve({ filter: /.*/ }, (args) => resolve(build, args, sarma));
    build.onLoad({ filter: sourceExtension }, ({ path: file }) => ({
      contents: withOwnPlace(file, readFileSync(file, 'utf8')),
      loader: loaderOf(file),
    }));
  },
});

async function resolve(
  build: PluginBuild,
  args: OnResolveArgs,
  sarma: string | undefined,
): Promise<OnResolveResult | undefined> {
  if (args.kind === 'entry-point' || args.pluginData === asked || isBuiltin(args.path)) return undefined;
  const isRequire = args.kind === 'require-call' || args.kind === 'require-resolve';
  const own = ownModule(args.path, sarma);
  // An import wants an address, a require a path.
  if (own !== undefined) return { path: isRequire ? fileURLToPath(own) : own, external: true };
  const { kind, importer, resolveDir, namespace } = args;
  const found = await build.resolve(args.path, { kind, importer, resolveDir, namespace, pluginData: asked });
  const isSource = !found.path.split(path.sep).includes('node_modules') && sourceExtension.test(found.path);
  if (
    found.errors.length > 0 ||
    found.external ||
    isSource ||
    found.path === '' ||
    found.path.endsWith('.json')
  )
    return found;
  return { path: isRequire ? found.path : pathToFileURL(found.path).href, external: true };
}

function ownModule(specifier: string, sarma: string | undefined): string | undefined {
  return specifier === 'sarma' ? (sarma ?? runningCopy('@sarma/release')) : runningCopy(specifier);
}

/** The address of a module of `@sarma/*` as this process has it; undefined for what is none of them. */
export function runningCopy(specifier: string): string | undefined {
  if (!/^@sarma\/[\w-]+(?:\/|$)/.test(specifier)) return undefined;
  try {
    return import.meta.resolve(specifier);
  } catch {
    return undefined;
  }
}

/** A source that asks where it lies is told its own place, not the copy's. */
function withOwnPlace(file: string, text: string): string {
  const url = pathToFileURL(file).href;
  const names: Readonly<Record<string, string>> = {
    url,
    filename: fileURLToPath(url),
    dirname: path.dirname(file),
  };
  const located = text.replaceAll(/\bimport\.meta\.(url|filename|dirname)\b/g, (_, name: string) =>
    JSON.stringify(names[name]),
  );
  // Only CommonJS has these two by itself.
  if (!/\b(?:module\.exports|exports\.\w+)\b/.test(text)) return located;
  return located.replaceAll(/\b__(filename|dirname)\b/g, (_, name: string) => JSON.stringify(names[name]));
}
