/** What a header of a tar says, besides what is the same in all of ours. */
export interface TarHeader {
  readonly type: keyof typeof TYPE_FLAGS;
  readonly path: string;
  readonly mode: number;
  /** Bytes of content. */
  readonly size: number;
  /** What a link leads to. */
  readonly target?: string;
}

/** Headers and contents fill whole blocks of so many bytes. */
export const BLOCK = 512;

/** Times and owners of what is installed: 2000-01-01T00:00:00Z, whole and even, for FAT's two-second clock. */
const FIXED_TIME = 946_684_800;

/** typeflag of ustar (POSIX.1-1988), and the one of pax (POSIX.1-2001) for a header about the next. */
const TYPE_FLAGS = { file: '0', link: '2', directory: '5', pax: 'x' } as const;

/** The header of an entry, with one of pax before it where ustar has no room for its names, or no letters. */
export function encodeHeader(header: TarHeader): Buffer {
  const name = header.type === 'directory' ? `${header.path}/` : header.path;
  const split = splitName(name);
  const target = header.target ?? '';
  if (split !== undefined && isAscii(target) && target.length <= 100)
    return encodeBlock(header, split, target);
  const records = [paxRecord('path', name), ...(target === '' ? [] : [paxRecord('linkpath', target)])];
  const content = Buffer.from(records.join(''));
  const stand = { name: 'PaxHeader', prefix: '' };
  const before = encodeBlock({ ...header, type: 'pax', size: content.length }, stand, '');
  const own = encodeBlock(header, stand, target === '' ? '' : 'PaxHeader');
  return Buffer.concat([before, content, Buffer.alloc(padding(content.length)), own]);
}

/** Zeros behind so many bytes up to the next block. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

interface SplitName {
  readonly name: string;
  readonly prefix: string;
}

/** 100 bytes for the name, and 155 for folders before it; undefined where that is not enough. */
function splitName(path: string): SplitName | undefined {
  if (!isAscii(path)) return undefined;
  if (path.length <= 100) return { name: path, prefix: '' };
  const at = path.indexOf('/', path.length - 101);
  return at === -1 || at === path.length - 1 || at > 155
    ? undefined
    : { name: path.slice(at + 1), prefix: path.slice(0, at) };
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

function encodeBlock({ type, mode, size }: TarHeader, { name, prefix }: SplitName, target: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 'latin1');
  block.write(octal(mode, 6), 100, 'latin1');
  block.write(octal(0, 6), 108, 'latin1'); // uid
  block.write(octal(0, 6), 116, 'latin1'); // gid
  block.write(octal(size, 11), 124, 'latin1');
  block.write(octal(FIXED_TIME, 11), 136, 'latin1');
  block.write(' '.repeat(8), 148, 'latin1'); // the checksum is computed with blanks in its place
  block.write(TYPE_FLAGS[type], 156, 'latin1');
  block.write(target, 157, 'latin1');
  block.write('ustar\0' + '00', 257, 'latin1');
  block.write(octal(0, 6), 329, 'latin1'); // devmajor
  block.write(octal(0, 6), 337, 'latin1'); // devminor
  block.write(prefix, 345, 'latin1');
  let checksum = 0;
  for (const byte of block) checksum += byte;
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A number of so many digits and the blank that ends it. */
function octal(number: number, digits: number): string {
  return `${number.toString(8).padStart(digits, '0')} `;
}

/** `<length> <key>=<value>\n`, the length of all of it in bytes, its own digits included. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const digits = String(bytes).length;
  return `${String(bytes + digits).length === digits ? bytes + digits : bytes + digits + 1}${rest}`;
}
