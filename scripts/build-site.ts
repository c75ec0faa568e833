// `npm run site`: the Markdown of the repository as a site in _build/site, by VitePress. SITE_BASE is the path under which it
// will be served, `/sarma/` for the pages of a repository on GitHub; without it that is `/`.

import { execFileSync } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { linkPage, readGroups } from './site/pages.ts';

const root = path.resolve(import.meta.dirname, '..');
const site = path.join(root, 'scripts/site');
// Below VitePress's packages: pages outside of it do not find Vue (vuejs/vitepress#4612).
const source = path.join(site, 'pages');

const groups = readGroups(root);
const pages = groups.flatMap((group) => group.pages);
await rm(source, { recursive: true, force: true });
for (const page of pages) {
  const { text, files } = linkPage(page, pages, root);
  await mkdir(path.dirname(path.join(source, page.place)), { recursive: true });
  await writeFile(path.join(source, page.place), text);
  for (const file of files)
    await cp(path.join(root, file), path.join(source, 'public', file), { dereference: true });
}
const sidebar = groups.map(({ title, pages }) => ({
  text: title,
  collapsed: title === 'Decisions',
  items: pages.map((page) => ({
    text: page.title,
    link: `/${page.place.replace(/(?<=^|\/)index\.md$/, '')}`,
  })),
}));
await writeFile(path.join(source, 'sidebar.json'), JSON.stringify(sidebar));

const vitepress = path.join(site, 'node_modules/vitepress/bin/vitepress.js');
execFileSync(process.execPath, [vitepress, 'build', site], { stdio: 'inherit' });
