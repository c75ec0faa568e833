/** One image of an `.ico` file, for one size and number of colours. */
export interface IconImage {
  /** In pixels, 1 to 256. */
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
  /** A PNG file, or a bitmap that begins with its BITMAPINFOHEADER. */
  readonly bytes: Buffer;
}

export class IconError extends Error {
  override readonly name = 'IconError';
  readonly code = 'NOT_AN_ICON';
}

const DIRECTORY_SIZE = 6;
const ENTRY_SIZE = 16;
const PNG = 0x89504e47;
/** Size of BITMAPINFOHEADER, which is its first field. */
const BITMAP_HEADER_SIZE = 40;
const MAKE_ONE =
  'Make one of a PNG, for example: magick icon.png -define icon:auto-resize=256,48,32,16 icon.ico';

/**
 * The images of an `.ico` file (ICONDIR and ICONDIRENTRY of "Icons", Microsoft). `file` is what messages call it.
 * Throws IconError for everything else, pictures that were only renamed among them.
 */
export function readIcon(content: Buffer, file: string): readonly IconImage[] {
  const kind = kindOf(content);
  if (kind !== 'icon')
    throw new IconError(`${file} is ${kind}, and an icon has to be an .ico file. ${MAKE_ONE}`);
  const count = content.readUInt16LE(4);
  if (count === 0) throw new IconError(`${file} is an .ico file without an image. ${MAKE_ONE}`);
  return Array.from({ length: count }, (_, index) => {
    const image = readImage(content, index);
    if (image !== null) return image;
    throw new IconError(`${file} is damaged: image ${index + 1} of ${count} is not whole. ${MAKE_ONE}`);
  });
}

function kindOf(content: Buffer): string {
  if (content.length === 0) return 'empty';
  if (content.length < DIRECTORY_SIZE) return 'no picture that is known here';
  const magic = content.readUInt32BE(0);
  if (magic === PNG) return 'a PNG picture';
  if (magic >>> 8 === 0xffd8ff) return 'a JPEG picture';
  if (magic >>> 16 === 0x424d) return 'a BMP picture';
  if (magic === 0x47494638) return 'a GIF picture';
  if (magic === 0x00000200) return 'a cursor (.cur)';
  if (magic === 0x69636e73) return 'an icon of macOS (.icns)';
  if (/^(\ufeff)?\s*</.test(content.toString('utf8', 0, 256))) return 'an SVG picture or other text';
  return magic === 0x00000100 ? 'icon' : 'no picture that is known here';
}

function readImage(content: Buffer, index: number): IconImage | null {
  const at = DIRECTORY_SIZE + index * ENTRY_SIZE;
  if (at + ENTRY_SIZE > content.length) return null;
  const size = content.readUInt32LE(at + 8);
  const offset = content.readUInt32LE(at + 12);
  if (size < BITMAP_HEADER_SIZE || offset + size > content.length) return null;
  const bytes = content.subarray(offset, offset + size);
  if (bytes.readUInt32BE(0) !== PNG && bytes.readUInt32LE(0) !== BITMAP_HEADER_SIZE) return null;
  return {
    // One byte, in which 0 is 256.
    width: content[at]! || 256,
    height: content[at + 1]! || 256,
    bitsPerPixel: content.readUInt16LE(at + 6),
    bytes,
  };
}
