import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Program } from 'acorn';
import type { Message } from 'esbuild';
import { ReleaseError, type ReleaseErrorCode } from '../error.ts';

/** What esbuild takes a source for. */
export function loaderOf(file: string): 'ts' | 'tsx' | 'js' | 'jsx' {
  if (/\.[cm]?ts$/.test(file)) return 'ts';
  return file.endsWith('.tsx') ? 'tsx' : file.endsWith('.jsx') ? 'jsx' : 'js';
}

/** What a source says once its types are gone, in whatever format. Throws what esbuild and acorn throw. */
export async function parseSource(file: string): Promise<Program> {
  const [{ parse }, { transform }] = await Promise.all([import('acorn'), import('esbuild')]);
  const options = { loader: loaderOf(file), sourcefile: file, logLevel: 'silent' } as const;
  const { code } = await transform(readFileSync(file, 'utf8'), options);
  return parse(code, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowReturnOutsideFunction: true,
    allowHashBang: true,
  });
}

/** A source that esbuild or acorn gave up on, with the place of its first mistake. */
export function unreadable(code: ReleaseErrorCode, file: string, cause: unknown): ReleaseError {
  const [first] = (cause as { readonly errors?: readonly Message[] }).errors ?? [];
  const at = first?.location;
  const where = at ? `${path.resolve(path.dirname(file), at.file)}:${at.line}:${at.column + 1}` : file;
  const reason = first?.text ?? (cause as Error).message;
  return new ReleaseError(code, `${where} cannot be read: ${reason}. Correct it and try again.`, { cause });
}
