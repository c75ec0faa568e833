import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const pages = new URL('../pages/', import.meta.url);

export default defineConfig({
  title: 'Sarma',
  description: 'Node.js projects as one executable per target',
  lang: 'en',
  base: `/${process.env.SITE_BASE ?? ''}/`.replaceAll(/\/+/g, '/'),
  srcDir: fileURLToPath(pages),
  outDir: fileURLToPath(new URL('../../../_build/site', import.meta.url)),
  cacheDir: fileURLToPath(new URL('../node_modules/.cache', import.meta.url)),
  // No browser asks for another one.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    // Markdown as GitHub reads it: what stands between < and > or { and } is text, headings have the same names.
    html: false,
    attrs: { disable: true },
    anchor: { slugify },
    config: showCode,
  },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: JSON.parse(readFileSync(new URL('sidebar.json', pages), 'utf8')),
    outline: [2, 3],
  },
});

/** @param {string} heading */
function slugify(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/**
 * Indented code looks like code between fences, and a fence that names a file (`ts sarma.config.ts`) shows its name.
 * @param {import('vitepress').MarkdownRenderer} md
 */
function showCode({ renderer: { rules } }) {
  const { fence } = rules;
  rules.fence = (tokens, at, ...rest) => {
    const file = tokens[at].info.split(' ')[1];
    const html = fence(tokens, at, ...rest);
    return file === undefined ? html : html.replace(/(?<=<span class="lang">)[^<]*/, file);
  };
  rules.code_block = (tokens, at, ...rest) => {
    tokens[at].info = 'text';
    return fence(tokens, at, ...rest);
  };
}
