// What an executable of each format can hold: more than 4 GiB, or a refusal that says why.
import { readFile } from 'node:fs/promises';
import { nativeProgramLocation } from '@sarma/stub';
import { expect, test } from 'vitest';
import { embed } from '../src/executables/embed.ts';
import { NoRoomError } from '../src/executables/errors.ts';

const GIB = 2 ** 30;

async function embedIn(target: string, payloadLength: number) {
  const [os] = target.split('-') as ['linux' | 'darwin' | 'win'];
  return embed(os, await readFile(nativeProgramLocation(target, 'stub')), payloadLength, 'hello');
}

test.each(['linux-x64', 'linux-arm64', 'linux-ppc64le', 'linux-s390x'])(
  'an executable for %s holds a payload of more than 4 GiB',
  async (target) => {
    const { head, payloadOffset, tail } = await embedIn(target, 5 * GIB);
    const littleEndian = head[5] === 1;
    const word = (bytes: Buffer, at: number) =>
      Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, littleEndian));
    // Elf64_Ehdr.e_shoff, and of each Elf64_Shdr (64 bytes) sh_offset and sh_size.
    const tableAt = word(head, 40) - (payloadOffset + 5 * GIB);
    const sections = Array.from({ length: (tail.length - tableAt) / 64 }, (_, index) => ({
      offset: word(tail, tableAt + 64 * index + 24),
      size: word(tail, tableAt + 64 * index + 32),
    }));
    expect(sections).toContainEqual({ offset: payloadOffset, size: 5 * GIB });
    expect(sections.at(-1)!.offset).toBeGreaterThan(5 * GIB);
  },
);

test.each([
  ['linux-armv7l', 'Executables of 32 bits hold at most 4 GiB.'],
  ['darwin-x64', 'macOS executables hold at most 4 GiB.'],
  ['darwin-arm64', 'macOS executables hold at most 4 GiB.'],
  ['win-x64', 'Windows executables hold at most 4 GiB.'],
  ['win-x86', 'Windows executables hold at most 4 GiB.'],
])('one for %s is refused beyond 4 GiB, with the reason', async (target, reason) => {
  await embedIn(target, 3 * GIB);
  const refused = embedIn(target, 4 * GIB);
  await expect(refused).rejects.toThrow(NoRoomError);
  await expect(refused).rejects.toThrow(reason);
});
