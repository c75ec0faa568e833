import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtins } from '../packages/boot/src/builtin.ts';
import { configSchema, releaseSchema } from '../packages/release/src/definition/schema.ts';
import { linkPage, readGroups } from '../scripts/site/pages.ts';
import { deadLinks } from './support/guide.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const DOCS = path.join(ROOT, 'docs');
const below = (await readdir(DOCS, { recursive: true })).filter((name) => name.endsWith('.md')).sort();
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...below.map((name) => `docs/${name}`)];

test('links of all pages lead somewhere', async () => {
  const dead = await Promise.all(
    pages.map(async (page) => (await deadLinks(path.join(ROOT, page))).map((link) => `${page}: ${link}`)),
  );
  expect(pages.length).toBeGreaterThan(40);
  expect(dead.flat()).toEqual([]);
});

test('the site has all pages, the guide first and in its order, and a way for each of their links', () => {
  const groups = readGroups(ROOT);
  const all = groups.flatMap((group) => group.pages);
  const files = all.map(({ file }) => file);
  expect(pages.filter((page) => !files.includes(page))).toEqual([]);
  expect(files.slice(0, 3)).toEqual(['README.md', 'docs/guide/README.md', 'docs/guide/1-first-release.md']);
  const guide = files
    .filter((file) => /^docs\/guide\/\d/.test(file))
    .map((file) => Number.parseInt(file.slice(11), 10));
  expect(guide).toEqual(guide.map((_, at) => at + 1));
  const links = all.flatMap((page) => [...linkPage(page, all, ROOT).text.matchAll(/\]\(\/([^)#]+)/g)]);
  expect(links.length).toBeGreaterThan(100);
  const places = [
    ...all.map(({ place }) => place),
    ...all.flatMap((page) => linkPage(page, all, ROOT).files),
  ];
  expect(links.map(([, place]) => place!).filter((place) => !places.includes(place))).toEqual([]);
});

describe('docs/release.md has', async () => {
  const reference = await readFile(path.join(DOCS, 'release.md'), 'utf8');
  const tables = reference.split('\n').filter((line) => line.startsWith('|'));
  const has = (name: string) => tables.some((line) => line.split('|')[1]!.includes(`\`${name}\``));

  test('every key of the configuration', () => {
    const keys = Object.keys({ ...configSchema.shape, ...releaseSchema.shape });
    const within = ['runtime', 'envScript', 'wrap', 'upgrade', 'publish', 'update'] as const;
    const inner = within.flatMap((key) =>
      Object.keys(configSchema.shape[key].unwrap().shape).map((name) => `${key}.${name}`),
    );
    const deep = ['addons', 'macos', 'windows'] as const;
    const innermost = deep.flatMap((key) =>
      Object.keys(configSchema.shape.wrap.unwrap().shape[key].unwrap().shape).map(
        (name) => `wrap.${key}.${name}`,
      ),
    );
    const parents: readonly string[] = [...within, ...deep.map((key) => `wrap.${key}`)];
    const wanted = [...keys, ...inner, ...innermost].filter((key) => !parents.includes(key));
    expect(wanted).toContain('wrap.windows.icon');
    expect(wanted.filter((key) => !has(key))).toEqual([]);
  });

  test('every variable of a release', async () => {
    const folders = ['boot/src', 'release/src/scripts'].map((folder) => path.join(ROOT, 'packages', folder));
    const variables = new Set<string>();
    for (const folder of folders) {
      for (const name of await readdir(folder, { recursive: true })) {
        if (!/\.(ts|sh)$/.test(name)) continue;
        const text = await readFile(path.join(folder, name), 'utf8');
        for (const [variable] of text.matchAll(/\bRELEASE_[A-Z_]*[A-Z]\b/g)) variables.add(variable);
      }
    }
    expect(variables.size).toBeGreaterThan(20);
    expect([...variables].filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  });
});

test('the guide has every command of a service in its table, and the pages every option', async () => {
  const texts = await Promise.all(pages.map(async (page) => await readFile(path.join(ROOT, page), 'utf8')));
  const all = texts.join('\n');
  const table = await readFile(path.join(DOCS, 'guide/4-commands.md'), 'utf8');
  const commands = builtins.filter(({ hidden }) => hidden === undefined);
  expect(commands.length).toBeGreaterThan(20);
  expect(
    commands.map(({ name }) => name).filter((name) => !new RegExp(`^\\| \`${name}[\` ]`, 'm').test(table)),
  ).toEqual([]);
  const options = commands.flatMap(({ syntax, details = [] }) =>
    [...[syntax, ...details].join('\n').matchAll(/(?<!\S)\[?(--[a-z][a-z-]*)/g)].map(([, option]) => option!),
  );
  expect(options).toContain('--beside');
  expect([...new Set(options)].filter((option) => !all.includes(option))).toEqual([]);
});
