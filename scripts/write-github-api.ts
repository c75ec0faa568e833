import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

// What of GitHub's OpenAPI description the tests hold the loopback GitHub and its clients to, in
// test/support/fixtures/github-api.json: the whole of it is 385 MB. To write it anew:
//
//   npm install --no-save --prefix /tmp/openapi @octokit/openapi
//   node scripts/write-github-api.ts /tmp/openapi/node_modules/@octokit/openapi

const VERSIONS = ['api.github.com', 'ghes-3.19'];
const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  '/repos/{owner}/{repo}/releases': ['get', 'post'],
  '/repos/{owner}/{repo}/releases/latest': ['get'],
  '/repos/{owner}/{repo}/releases/tags/{tag}': ['get'],
  '/repos/{owner}/{repo}/releases/{release_id}': ['get', 'patch', 'delete'],
  '/repos/{owner}/{repo}/releases/{release_id}/assets': ['get', 'post'],
  '/repos/{owner}/{repo}/releases/assets/{asset_id}': ['get', 'delete'],
  '/repos/{owner}/{repo}/git/ref/{ref}': ['get'],
  '/repos/{owner}/{repo}/git/tags/{tag_sha}': ['get'],
  '/repos/{owner}/{repo}/git/commits/{commit_sha}': ['get'],
};
/** Of anything that fails, whether its operation names the status or not. */
const ERRORS = ['#/components/schemas/basic-error', '#/components/schemas/validation-error'];

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Node = Readonly<Record<string, Json>>;

/** Prose and examples are nothing that an answer could be held to. */
const PROSE = new Set(['description', 'example', 'examples', 'summary', 'externalDocs', 'tags', 'title']);

function withoutProse(value: Json, isNames = false): Json {
  if (Array.isArray(value)) return value.map((item: Json) => withoutProse(item));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => isNames || !(PROSE.has(key) || key.startsWith('x-')));
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutProse(item, key === 'properties')]));
}

function at(description: Node, pointer: string): Json {
  return pointer
    .slice(2)
    .split('/')
    .reduce((value: Json, key) => (value as Node)[key]!, description);
}

function extract(description: Node): Json {
  const paths = Object.fromEntries(
    Object.entries(OPERATIONS).map(([route, methods]) => {
      const operations = (description.paths as Record<string, Node>)[route]!;
      return [
        route,
        Object.fromEntries(methods.map((method) => [method, withoutProse(operations[method]!)])),
      ];
    }),
  );
  const components: Record<string, Record<string, Json>> = {};
  const take = (value: Json): void => {
    for (const [, pointer] of JSON.stringify(value).matchAll(/"\$ref":"([^"]+)"/g)) takePart(pointer!);
  };
  const takePart = (pointer: string): void => {
    const [, , kind = '', name = ''] = pointer.split('/');
    components[kind] ??= {};
    if (name in components[kind]) return;
    const part = withoutProse(at(description, pointer));
    components[kind][name] = part;
    take(part);
  };
  for (const pointer of ERRORS) takePart(pointer);
  take(paths);
  return { paths, components };
}

const folder = path.resolve(process.argv[2]!);
const read = (file: string) => JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
const { name, version } = read('package.json');
const extracts = VERSIONS.map((one) => [one, extract(read(`generated/${one}.json`))]);
writeFileSync(
  path.resolve(import.meta.dirname, '../test/support/fixtures/github-api.json'),
  `${JSON.stringify({ from: `${name} ${version}`, ...Object.fromEntries(extracts) })}\n`,
);
