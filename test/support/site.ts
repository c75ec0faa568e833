import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** A page as it lies in a built site. */
export interface BuiltPage {
  /** `guide/index.html`. */
  readonly place: string;
  readonly html: string;
}

export async function builtPages(folder: string): Promise<readonly BuiltPage[]> {
  const places = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.html')).sort();
  return await Promise.all(
    places.map(async (place) => ({ place, html: await readFile(path.join(folder, place), 'utf8') })),
  );
}

/** Links of the pages to what is not among the files of the site, or to a heading that is not in the page. */
export async function deadLinksOf(folder: string): Promise<readonly string[]> {
  const files = new Set(await readdir(folder, { recursive: true }));
  const pages = new Map((await builtPages(folder)).map(({ place, html }) => [place, html]));
  const dead: string[] = [];
  for (const [place, html] of pages) {
    for (const [, link] of html.matchAll(/<(?:a|img)\b[^>]*? (?:href|src)="([^"]*)"/g)) {
      const { origin, pathname, hash } = new URL(link!, `http://site/${place}`);
      if (origin !== 'http://site') continue;
      const file = decodeURIComponent(pathname.slice(1)).replace(/(?<=^|\/)$/, 'index.html');
      const heading = decodeURIComponent(hash.slice(1));
      const isThere = files.has(file) && (heading === '' || pages.get(file)?.includes(` id="${heading}"`));
      if (!isThere) dead.push(`${place}: ${link}`);
    }
  }
  return dead;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** Serves the files of a folder until the test has ended; resolves with the address, with a slash at its end. */
export async function serveFolder(folder: string): Promise<string> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://site');
    const file = path.join(folder, decodeURIComponent(pathname).replace(/\/$/, '/index.html'));
    const content = await readFile(file).catch(() => undefined);
    if (content === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'text/plain' }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
