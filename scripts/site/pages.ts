import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** A Markdown file of the repository, as a page of the site. */
export interface Page {
  /** In the repository: `docs/guide/README.md`. */
  readonly file: string;
  /** In the site: `guide/index.md`. */
  readonly place: string;
  readonly title: string;
  readonly text: string;
}

/** What a reader may want one after the other. */
export interface Group {
  readonly title: string;
  readonly pages: readonly Page[];
}

const GROUPS = {
  Overview: ['README.md'],
  Guide: ['docs/guide/*.md'],
  Reference: ['docs/*.md'],
  Examples: ['examples/*/README.md'],
  Project: ['CHANGELOG.md', 'CONTRIBUTING.md', 'bench/*.md'],
  Decisions: ['docs/decisions/*.md'],
};

/** Where the alphabet is not the order in which pages are wanted; all others follow. */
const FIRST = [
  'docs/guide/README.md',
  'docs/cli.md',
  'docs/release.md',
  'docs/executable.md',
  'docs/reliability.md',
  'docs/addons.md',
  'docs/publishing.md',
  'docs/format.md',
  'docs/differences.md',
];

/** All pages of the site, in a reader's order. `root` is the repository. */
export function readGroups(root: string): readonly Group[] {
  return Object.entries(GROUPS).map(([title, patterns]) => ({
    title,
    pages: globSync(patterns, { cwd: root })
      .sort(byReading)
      .map((file) => readPage(root, file)),
  }));
}

const numbers = new Intl.Collator('en', { numeric: true });

function byReading(one: string, other: string): number {
  return rank(one) - rank(other) || numbers.compare(one, other);
}

function rank(file: string): number {
  const at = FIRST.indexOf(file);
  return at === -1 ? FIRST.length : at;
}

function readPage(root: string, file: string): Page {
  const text = readFileSync(path.join(root, file), 'utf8');
  const title = /^# (.*)$/m.exec(text)?.[1]?.replaceAll('`', '') ?? file;
  const place = file.replace(/^docs\//, '').replace(/(?<=^|\/)README\.md$/, 'index.md');
  return { file, place, title, text };
}

/** A page with links that lead to other pages of the site, and what else of the repository it leads to. */
export interface Linked {
  readonly text: string;
  /** In the repository; they lie in the site as they do there. */
  readonly files: readonly string[];
}

/** Links and pictures of a page lead where they do in the repository. Throws where that is nothing that the site has. */
export function linkPage(page: Page, pages: readonly Page[], root: string): Linked {
  const files: string[] = [];
  const text = page.text.replaceAll(/\]\((?!https?:|#)([^)\s]+)\)/g, (_, link: string) => {
    const [name, heading] = link.split('#') as [string, string | undefined];
    const file = path.posix.join(path.posix.dirname(page.file), name).replace(/\/$/, '');
    const there = pages.find((one) => one.file === file) ?? firstPageIn(file, pages);
    if (there === undefined) {
      if (!existsSync(path.join(root, file)) || statSync(path.join(root, file)).isDirectory())
        throw new Error(`${page.file}: ${link} is neither a page of the site nor a file of the repository`);
      files.push(file);
    }
    return `](/${there?.place ?? file}${heading === undefined ? '' : `#${heading}`})`;
  });
  return { text, files };
}

/** What a folder is entered by. */
function firstPageIn(folder: string, pages: readonly Page[]): Page | undefined {
  return pages.find((one) => path.posix.dirname(one.file) === folder);
}
