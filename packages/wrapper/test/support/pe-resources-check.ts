// Reads what Windows would of an executable's resources. It shares no code with what writes them.

/** One resource: its type and name are numbers here. */
export interface FoundResource {
  readonly type: number;
  readonly name: number;
  readonly language: number;
  readonly bytes: Buffer;
}

export interface FoundSection {
  readonly name: string;
  readonly address: number;
  readonly memory: number;
  readonly offset: number;
  readonly size: number;
}

/** Sections of a PE file, after a look at whether the loader would map it: in order, apart, inside file and image. */
export function sectionsOf(file: Buffer): readonly FoundSection[] {
  const header = file.readUInt32LE(0x3c);
  const table = header + 24 + file.readUInt16LE(header + 20);
  const sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, index) => {
    const at = table + 40 * index;
    return {
      name: file.toString('latin1', at, at + 8).replace(/\0+$/, ''),
      memory: file.readUInt32LE(at + 8),
      address: file.readUInt32LE(at + 12),
      size: file.readUInt32LE(at + 16),
      offset: file.readUInt32LE(at + 20),
    };
  });
  let address = 0x1000;
  let offset = file.readUInt32LE(header + 24 + 60); // SizeOfHeaders
  if (table + 40 * sections.length > offset) throw new Error('the section table runs into a section');
  for (const section of sections) {
    if (section.address !== address)
      throw new Error(`${section.name} is at ${section.address}, not ${address}`);
    if (section.size > 0 && section.offset < offset)
      throw new Error(`${section.name} begins in another section`);
    if (section.offset % 512 !== 0 || section.size % 512 !== 0)
      throw new Error(`${section.name} is not aligned`);
    offset = Math.max(offset, section.offset + section.size);
    address += Math.ceil(section.memory / 0x1000) * 0x1000;
  }
  if (offset > file.length) throw new Error('the last section is cut off');
  if (file.readUInt32LE(header + 24 + 56) !== address)
    throw new Error('SizeOfImage is not where the sections end');
  return sections;
}

/** "The .rsrc Section" of "PE Format": three levels of tables (type, name, language), then the data. */
export function resourcesIn(file: Buffer): readonly FoundResource[] {
  const address = dataDirectory(file, 2);
  if (address === 0) return [];
  const inFile = (at: number) => {
    const section = sectionsOf(file).find((some) => at >= some.address && at < some.address + some.size);
    if (section === undefined) throw new Error(`nothing is at ${at}`);
    return at - section.address + section.offset;
  };
  const root = inFile(address);
  const entries = (table: number) => {
    const count = file.readUInt16LE(root + table + 12) + file.readUInt16LE(root + table + 14);
    const found = Array.from({ length: count }, (_, index) => {
      const at = root + table + 16 + 8 * index;
      const next = file.readUInt32LE(at + 4);
      return { id: file.readUInt32LE(at), next: next & 0x7fffffff, isTable: next >= 2 ** 31 };
    });
    // Windows looks for an id by halving.
    if (found.some(({ id }, index) => index > 0 && id <= found[index - 1]!.id))
      throw new Error('not in order');
    return found;
  };
  return entries(0).flatMap((type) =>
    entries(type.next).flatMap((name) =>
      entries(name.next).map((language) => {
        const at = root + language.next;
        const start = inFile(file.readUInt32LE(at));
        const bytes = file.subarray(start, start + file.readUInt32LE(at + 4));
        return { type: type.id, name: name.id, language: language.id, bytes };
      }),
    ),
  );
}

/** Where the base relocations are in memory. */
export function relocationsIn(file: Buffer): number {
  return dataDirectory(file, 5);
}

function dataDirectory(file: Buffer, index: number): number {
  const optional = file.readUInt32LE(0x3c) + 24;
  const is64 = file.readUInt16LE(optional) === 0x20b;
  return file.readUInt32LE(optional + (is64 ? 112 : 96) + 8 * index);
}

/** The `.ico` file that an icon's group and images were. */
export function iconIn(resources: readonly FoundResource[]): Buffer {
  const group = resources.find(({ type }) => type === 14)!.bytes;
  const count = group.readUInt16LE(4);
  const head = Buffer.alloc(6 + 16 * count);
  group.copy(head, 0, 0, 6);
  const images: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const entry = group.subarray(6 + 14 * index, 20 + 14 * index);
    const image = resources.find(({ type, name }) => type === 3 && name === entry.readUInt16LE(12))!;
    if (image.bytes.length !== entry.readUInt32LE(8)) throw new Error('the group tells another size');
    entry.copy(head, 6 + 16 * index, 0, 12);
    head.writeUInt32LE(head.length + images.reduce((sum, { length }) => sum + length, 0), 18 + 16 * index);
    images.push(image.bytes);
  }
  return Buffer.concat([head, ...images]);
}

/** Numbers and strings of VS_VERSIONINFO ("VS_VERSIONINFO structure", Microsoft). */
export function versionIn(resources: readonly FoundResource[]) {
  const { bytes } = resources.find(({ type }) => type === 16)!;
  const root = block(bytes, 0);
  const fixed = root.value;
  if (root.end !== bytes.length || root.key !== 'VS_VERSION_INFO' || fixed.readUInt32LE(0) !== 0xfeef04bd)
    throw new Error('no VS_VERSIONINFO');
  const number = (at: number) =>
    [at + 2, at, at + 6, at + 4].map((word) => fixed.readUInt16LE(word)).join('.');
  const [texts, variables] = blocks(bytes, root.children, root.end);
  const [table] = blocks(bytes, texts!.children, texts!.end);
  const [translation] = blocks(bytes, variables!.children, variables!.end);
  const strings = blocks(bytes, table!.children, table!.end).map(({ key, value }) => [
    key,
    value.toString('utf16le').replace(/\0$/, ''),
  ]);
  return {
    file: number(8),
    product: number(16),
    flags: fixed.readUInt32LE(28),
    language: table!.key,
    translation: `${hex(translation!.value, 0)}${hex(translation!.value, 2)}`,
    strings: Object.fromEntries(strings) as Record<string, string>,
  };
}

function hex(bytes: Buffer, at: number): string {
  return bytes.readUInt16LE(at).toString(16).padStart(4, '0');
}

/** A header of three 16-bit numbers (length, length of the value, whether that is text), a key, a value, children. */
function block(bytes: Buffer, at: number) {
  const end = at + bytes.readUInt16LE(at);
  const isText = bytes.readUInt16LE(at + 4) === 1;
  let keyEnd = at + 6;
  while (bytes.readUInt16LE(keyEnd) !== 0) keyEnd += 2;
  const valueAt = aligned(keyEnd + 2);
  const valueEnd = valueAt + bytes.readUInt16LE(at + 2) * (isText ? 2 : 1);
  return {
    key: bytes.toString('utf16le', at + 6, keyEnd),
    value: bytes.subarray(valueAt, valueEnd),
    children: aligned(valueEnd),
    end,
  };
}

function blocks(bytes: Buffer, from: number, to: number): readonly ReturnType<typeof block>[] {
  const found = [];
  for (let at = from; at < to; at = aligned(found.at(-1)!.end)) found.push(block(bytes, at));
  return found;
}

function aligned(at: number): number {
  return Math.ceil(at / 4) * 4;
}
