import { readElf, readNumber } from './elf-headers.ts';

/** EM_ARM of the System V ABI. */
const EM_ARM = 40;

// "Addenda to, and Errata in, the ABI for the Arm Architecture", Build attributes.
const SHT_ARM_ATTRIBUTES = 0x70000003;
const TAG_FILE = 1;
const TAG = {
  CPU_RAW_NAME: 4,
  CPU_NAME: 5,
  CPU_ARCH: 6,
  FP_ARCH: 10,
  SIMD_ARCH: 12,
  COMPATIBILITY: 32,
} as const;
/** Of Tag_CPU_arch. */
const ARM_V7 = 10;
/** Of Tag_FP_arch; 1 and 2 are what every ARMv6 with a floating-point unit has. */
const VFP_V3 = 3;

/**
 * What a 32-bit ARM executable asks of the CPU beyond ARMv6 with a floating-point unit, in the stub's words (cpu.zig).
 * Nothing for other executables: 64-bit Nodes run on every CPU of theirs. Throws MalformedExecutableError.
 */
export function armFeatures(file: Buffer): readonly string[] {
  const elf = readElf(file);
  const section = elf.sections.find(({ type }) => type === SHT_ARM_ATTRIBUTES);
  if (elf.machine !== EM_ARM || section === undefined) return [];
  const bytes = file.subarray(section.offset, section.offset + section.size);
  const length = readNumber(elf, section.offset + 1, 4);
  const vendorEnd = bytes.indexOf(0, 5);
  // Version "A", length, vendor, then attributes of the file: tag, length, pairs.
  if (bytes.toString('latin1', 5, vendorEnd) !== 'aeabi' || bytes[vendorEnd + 1] !== TAG_FILE) return [];
  const attributes = readAttributes(bytes.subarray(vendorEnd + 6, length + 1));
  return [
    ...((attributes.get(TAG.CPU_ARCH) ?? 0) >= ARM_V7 ? ['ARMv7'] : []),
    ...((attributes.get(TAG.FP_ARCH) ?? 0) >= VFP_V3 ? ['VFPv3'] : []),
    ...((attributes.get(TAG.SIMD_ARCH) ?? 0) > 0 ? ['NEON'] : []),
  ];
}

/** Numbers by tag; texts are passed over. */
function readAttributes(bytes: Buffer): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; at < bytes.length; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  const text = () => {
    const end = bytes.indexOf(0, at);
    at = end === -1 ? bytes.length : end + 1;
  };
  while (at < bytes.length) {
    const tag = number();
    if (tag === TAG.COMPATIBILITY) number();
    if (isText(tag)) text();
    else found.set(tag, number());
  }
  return found;
}

/** From 32 on, odd tags have texts. */
function isText(tag: number): boolean {
  return (
    tag === TAG.CPU_RAW_NAME ||
    tag === TAG.CPU_NAME ||
    tag === TAG.COMPATIBILITY ||
    (tag > 32 && tag % 2 === 1)
  );
}
