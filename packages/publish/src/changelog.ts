import { readFile } from 'node:fs/promises';
import { PublishError } from './error.ts';

/** What a changelog says of a version: the Markdown below its heading. Throws PublishError NO_NOTES. */
export async function readNotes(changelog: string, version: string): Promise<string> {
  const text = await readNotesFile(changelog);
  const notes = sectionOf(text, version);
  if (notes !== undefined && notes !== '') return notes;
  const what = notes === '' ? `says nothing below its heading ${version}` : `has no heading ${version}`;
  throw new PublishError(
    'NO_NOTES',
    `${changelog} ${what}. Write what has changed below \`## ${version}\`, name a file with it (--notes FILE), ` +
      'or say publish.changelog: false.',
  );
}

/** The text of a file. Throws PublishError NO_NOTES. */
export async function readNotesFile(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
    throw new PublishError('NO_NOTES', `The notes ${file} cannot be read: ${why}.`, { cause });
  });
}

/**
 * The section of a version: under `## 1.2.0`, `## [1.2.0] - 2026-05-04` (keepachangelog.com), `# v1.2.0 (4 May)` and the
 * like, up to the next heading of that level or above it, or of another version. Undefined where it has no heading.
 */
export function sectionOf(changelog: string, version: string): string | undefined {
  const lines = changelog.split(/\r?\n/);
  const headings = headingsOf(lines);
  const own = headings.find((heading) => (heading.version ?? heading.first) === version);
  if (own === undefined) return undefined;
  const next = headings.find(
    ({ line, level, version: other }) => line > own.line && (level <= own.level || other !== undefined),
  );
  const isLink = (line: string) => LINK.test(line);
  const body = lines.slice(own.line + 1, next?.line).filter((line) => !isLink(line));
  const text = body.join('\n').trim();
  // What links mean stands at the end of the file.
  const links = lines.filter((line) => isLink(line) && text.includes(`[${LINK.exec(line)![1]}]`));
  return links.length === 0 ? text : `${text}\n\n${links.join('\n')}`;
}

const LINK = /^ {0,3}\[([^\]]+)\]: \S/;

interface Heading {
  readonly line: number;
  /** From 1 on: how many `#` there are. */
  readonly level: number;
  /** Without brackets, `v` or a package's name in front. */
  readonly version: string | undefined;
  /** Its first word: what a version that is no number would be. */
  readonly first: string | undefined;
}

/** Those outside of code. */
function headingsOf(lines: readonly string[]): readonly Heading[] {
  const headings: Heading[] = [];
  let fence: string | undefined;
  for (const [line, text] of lines.entries()) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(text)?.[1];
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence)) fence = undefined;
    if (fence !== undefined) continue;
    const [, marks, title] = /^ {0,3}(#{1,6})\s+(.*)$/.exec(text) ?? [];
    if (marks === undefined) continue;
    const words = title!.split(/[\s[\]()]+/).filter((word) => word !== '');
    const plain = words.map((word) => word.replace(/^.*@/, '').replace(/^v(?=\d)/, ''));
    const version = plain.find((word) => /^\d+\.\d[\w.+-]*$/.test(word));
    headings.push({ line, level: marks.length, version, first: words[0] });
  }
  return headings;
}
