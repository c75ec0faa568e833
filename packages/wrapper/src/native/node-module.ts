/** A native file's data, as far as a structure is to be found in it. */
export interface DataImage {
  readonly file: Buffer;
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** Initialized data that the program may change, by offset in the file. */
  readonly data: readonly { readonly offset: number; readonly size: number }[];
  /** Where in the file the pointer leads to that lies at that offset; undefined for one that leads nowhere in it. */
  readonly pointerAt: (offset: number) => number | undefined;
}

/**
 * NODE_MODULE_VERSION of an addon that registers itself when it is loaded: the first number of `struct node_module`
 * (node.h), which is found by the name of a source file and a module's name that it leads to. Null if there is none.
 */
export function registeredVersion(image: DataImage): number | null {
  const { file, data, bits } = image;
  const pointer = bits / 8;
  const structure = 8 + 6 * pointer;
  for (const { offset, size } of data) {
    for (let at = offset; at + structure <= offset + size; at += pointer) {
      const version = readInt(image, at);
      if (version < 1 || version > 999 || readInt(image, at + 4) > 0xff) continue;
      // Behind version and flags: nm_dso_handle, nm_filename, two functions, nm_modname.
      const source = stringAt(file, image.pointerAt(at + 8 + pointer));
      const name = stringAt(file, image.pointerAt(at + 8 + 4 * pointer));
      if (/\.(c|cc|cpp|cxx|m|mm)$/.test(source) && /^\w+$/.test(name)) return version;
    }
  }
  return null;
}

function readInt({ file, littleEndian }: DataImage, at: number): number {
  return littleEndian ? file.readUInt32LE(at) : file.readUInt32BE(at);
}

/** The printable string at that offset, empty if there is none. */
function stringAt(file: Buffer, offset: number | undefined): string {
  if (offset === undefined) return '';
  const end = file.indexOf(0, offset);
  const text = file.toString('latin1', offset, end < 0 ? offset : Math.min(end, offset + 4096));
  return /^[\x20-\x7e]*$/.test(text) ? text : '';
}
