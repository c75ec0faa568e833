import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TransformFailure, TransformOptions } from 'esbuild';
import { ReleaseError } from '../error.ts';
import {
  detectFormat,
  fixedFormat,
  guessFormat,
  type ModuleFormat,
  nestedManifest,
  oneOf,
} from './module-type.ts';
import { isDeclaration, isTypeScript, outputName, type SourcePackage } from './package.ts';
import type { SourceResolver } from './resolve.ts';
import { type Renamed, rewrite } from './rewrite.ts';

/** What became of a package's sources. Paths are relative to the package, with `/`. */
export interface TranspiledPackage {
  /** Source → JavaScript, for every file whose text or name is another in the release. */
  readonly outputs: ReadonlyMap<string, { readonly file: string; readonly code: string }>;
  /** Sources that have no place in the release: declarations, and what an output takes the name of. */
  readonly dropped: ReadonlySet<string>;
  /** For a package whose package.json names no `type`: undefined when its files differ. */
  readonly type: ModuleFormat | undefined;
  readonly warnings: readonly string[];
}

/** The oldest Node that runs Sarma's releases. */
export const target = 'node22';

interface Source {
  readonly file: string;
  readonly format: ModuleFormat;
  readonly code: string;
}

/**
 * Transpiles the TypeScript of one package file by file, each to its own place, and renames what names it.
 * `places` gives the place in the release of any first-party file, TypeScript ones already as JavaScript; `define` is
 * what names in the source are replaced by.
 * Throws ReleaseError TRANSPILE_FAILED.
 */
export async function transpile(
  source: SourcePackage,
  reached: ReadonlySet<string>,
  resolver: SourceResolver,
  places: (file: string) => string | undefined,
  define: Readonly<Record<string, unknown>> = {},
): Promise<TranspiledPackage> {
  const { directory } = source.installed;
  const { chosen, dropped } = chooseSources(source, reached);
  const compiled = (
    await Promise.all(chosen.map((file) => compile(source, file, reached, resolver, define)))
  ).filter((result) => result !== undefined);
  const scripts = [...source.files].filter((file) => /\.[cm]?js$/.test(file) && !dropped.has(file));
  const plain = scripts.map((file) => readScript(source, file));
  const outputs = new Map<string, { readonly file: string; readonly code: string }>();
  const warnings: string[] = [];
  for (const { file, format, code } of [...compiled, ...plain]) {
    const absolute = path.join(directory, file);
    if (!isTypeScript(file) && !reached.has(absolute)) continue;
    const result = rename(absolute, code, format, resolver, places);
    if (result === undefined)
      warnings.push(`${file} is not read as JavaScript; the paths in it stay as they are`);
    for (const what of result?.left ?? []) {
      warnings.push(
        `${file}: ${what} stays as it is, but in the release TypeScript files have the names of their output`,
      );
    }
    const text = result?.code ?? code;
    if (isTypeScript(file) || text !== code) outputs.set(file, { file: outputName(file), code: text });
  }
  const formats = [...compiled, ...plain].filter(
    ({ file }) => path.extname(outputName(file)) === '.js' && nestedManifest(directory, file) === undefined,
  );
  return { outputs, dropped, type: oneOf(new Set(formats.map(({ format }) => format))), warnings };
}

/** A reached `a.ts` replaces an `a.js` beside it, as it does where TypeScript is run; any other gives way to it. */
function chooseSources({ installed, files }: SourcePackage, reached: ReadonlySet<string>) {
  const chosen: string[] = [];
  const dropped = new Set<string>();
  for (const file of files) {
    if (isDeclaration(file)) dropped.add(file);
    if (!isTypeScript(file)) continue;
    const output = outputName(file);
    if (!files.has(output)) chosen.push(file);
    else if (reached.has(path.join(installed.directory, file))) {
      chosen.push(file);
      dropped.add(output);
    } else dropped.add(file);
  }
  return { chosen, dropped };
}

function readScript({ installed }: SourcePackage, file: string): Source {
  const code = readFileSync(path.join(installed.directory, file), 'utf8');
  const fixed = fixedFormat(file, installed);
  return { file, code, format: fixed ?? detectFormat(code) };
}

/** One file as JavaScript; undefined for one that is not TypeScript after all (a template) and nothing leads to. */
async function compile(
  { installed }: SourcePackage,
  file: string,
  reached: ReadonlySet<string>,
  resolver: SourceResolver,
  define: Readonly<Record<string, unknown>>,
): Promise<Source | undefined> {
  const absolute = path.join(installed.directory, file);
  const text = readFileSync(absolute, 'utf8');
  const compilerOptions = resolver.tsconfig(absolute)?.config.compilerOptions;
  const options = { ...transformOptions(absolute, compilerOptions), define: inlined(define) };
  try {
    const wanted = fixedFormat(file, installed) ?? guessFormat(text, compilerOptions?.module);
    const { code, format } = await transformAs(text, wanted, options);
    return { file, code, format };
  } catch (error) {
    if (!reached.has(absolute)) return undefined;
    throw transpileFailed(absolute, error as TransformFailure);
  }
}

function transformOptions(file: string, compilerOptions: object | undefined): TransformOptions {
  return {
    loader: /x$/.test(file) ? 'tsx' : 'ts',
    target,
    platform: 'node',
    sourcefile: file,
    charset: 'utf8',
    logLevel: 'silent',
    tsconfigRaw: { compilerOptions: forTranspiler(compilerOptions) },
  };
}

/** Values as esbuild's `define` wants them. */
export function inlined(define: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(define).map(([name, value]) => [name, JSON.stringify(value)]));
}

/**
 * A source as JavaScript for a bundler: imports as they were, other strings that name TypeScript files renamed.
 * Throws ReleaseError TRANSPILE_FAILED.
 */
export async function toJavaScript(
  file: string,
  text: string,
  resolver: SourceResolver,
  places: (file: string) => string | undefined,
): Promise<string> {
  const { transform } = await import('esbuild');
  const options = transformOptions(file, resolver.tsconfig(file)?.config.compilerOptions);
  const code = isTypeScript(file)
    ? await transform(text, options).then(
        (result) => result.code,
        (failure: TransformFailure) => {
          throw transpileFailed(file, failure);
        },
      )
    : text;
  const named = namedBy(file, resolver, places);
  for (const module of [true, false]) {
    try {
      return rewrite(code, module, undefined, named).code;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return code;
}

async function transformAs(text: string, format: ModuleFormat, options: TransformOptions) {
  const { transform } = await import('esbuild');
  if (format === 'module') return { code: (await transform(text, options)).code, format };
  try {
    return { code: (await transform(text, { ...options, format: 'cjs' })).code, format };
  } catch (error) {
    // What awaits at its top can only be a module.
    const isAwait = (error as TransformFailure).errors?.some(({ text: message }) =>
      /Top-level await/.test(message),
    );
    if (isAwait !== true) throw error;
    return { code: (await transform(text, options)).code, format: 'module' as const };
  }
}

type CompilerOptions = NonNullable<
  Exclude<TransformOptions['tsconfigRaw'], string | undefined>['compilerOptions']
>;

/** The options that change what is emitted; esbuild refuses to hear of others. */
function forTranspiler(options: object | undefined): CompilerOptions {
  const keys: readonly (keyof CompilerOptions)[] = [
    'alwaysStrict',
    'experimentalDecorators',
    'importsNotUsedAsValues',
    'jsx',
    'jsxFactory',
    'jsxFragmentFactory',
    'jsxImportSource',
    'preserveValueImports',
    'strict',
    'target',
    'useDefineForClassFields',
    'verbatimModuleSyntax',
  ];
  const given = (options ?? {}) as Readonly<Record<string, unknown>>;
  const taken = keys.filter((key) => given[key] !== undefined).map((key) => [key, given[key]]);
  const result = Object.fromEntries(taken) as CompilerOptions;
  // "preserve" leaves JSX for a bundler; Node has none.
  return result.jsx === 'preserve' ? { ...result, jsx: 'react-jsx' } : result;
}

function transpileFailed(file: string, failure: TransformFailure): ReleaseError {
  const [first] = failure.errors ?? [];
  const where = first?.location ? `${file}:${first.location.line}:${first.location.column + 1}` : file;
  return new ReleaseError(
    'TRANSPILE_FAILED',
    `${where} cannot be transpiled: ${first?.text ?? failure.message}`,
    {
      cause: failure,
    },
  );
}

function rename(
  file: string,
  code: string,
  format: ModuleFormat,
  resolver: SourceResolver,
  places: (file: string) => string | undefined,
) {
  const folder = path.posix.dirname(places(file)!);
  const relative = (found: string): string | undefined => {
    const place = places(found);
    if (place === undefined) return undefined;
    const to = path.posix.relative(folder, place);
    return to.startsWith('.') ? to : `./${to}`;
  };
  // `store/src/table.ts`: what a package exports by that name keeps it, its files do not.
  const isInside = (name: string): boolean => {
    const found = isTypeScript(name) && !name.startsWith('#') ? resolver.resolve(file, name) : undefined;
    if (found === undefined || !isTypeScript(found) || places(found) === undefined) return false;
    return resolver.owner(found)?.manifest.exports === undefined;
  };
  const imported: Renamed = (specifier) => {
    const [name, query] = splitQuery(specifier);
    const isPath = name.startsWith('.') || resolver.isAlias(file, name);
    if (!isPath) return isInside(name) ? outputName(name) + query : undefined;
    const found = resolver.resolve(file, name);
    const to = found === undefined ? undefined : relative(found);
    return to === undefined || to === name ? undefined : to + query;
  };
  const named = namedBy(file, resolver, places);
  try {
    return rewrite(code, format === 'module', imported, named);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Renames the TypeScript file that a string names, when it is one of this release. */
function namedBy(
  file: string,
  resolver: SourceResolver,
  places: (file: string) => string | undefined,
): Renamed {
  return (text) => {
    const name = text.replace(/^\//, '');
    const found = resolver.resolve(file, name.startsWith('.') ? name : `./${name}`);
    if (found === undefined || !isTypeScript(found) || places(found) === undefined) return undefined;
    return outputName(text);
  };
}

function splitQuery(specifier: string): readonly [string, string] {
  const at = specifier.search(/[?]/);
  return at === -1 ? [specifier, ''] : [specifier.slice(0, at), specifier.slice(at)];
}

/** Names of TypeScript files in `main`, `bin`, `exports`, `imports` and `sarma` become those of their outputs. */
export function renameInManifest(manifest: object, outputs: TranspiledPackage['outputs']): object {
  const renamed = (value: unknown): unknown => {
    if (typeof value === 'string') return renameTarget(value, outputs);
    if (Array.isArray(value)) return value.map(renamed);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, renamed(inner)]));
  };
  const fields = ['main', 'module', 'bin', 'exports', 'imports', 'sarma'];
  return Object.fromEntries(
    Object.entries(manifest).map(([key, value]) => [key, fields.includes(key) ? renamed(value) : value]),
  );
}

function renameTarget(value: string, outputs: TranspiledPackage['outputs']): string {
  if (!isTypeScript(value)) return value;
  const plain = value.replace(/^\.\//, '');
  // A pattern (./src/*.ts) stands for files that are all transpiled.
  return plain.includes('*') || outputs.has(plain) ? outputName(value) : value;
}
