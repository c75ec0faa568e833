import type { CommandContext } from '../context.ts';

/** `NAME VERSION`, without booting anything. */
export async function run({ boot, stdout }: CommandContext): Promise<number> {
  stdout.write(`${boot.name} ${boot.version}\n`);
  return 0;
}
