import { command } from '../command.ts';
import { shownFlags } from '../flags.ts';

export const keygenCommand = command({
  name: 'keygen',
  description: 'Make the pair of keys that versions are signed with',
  positional: { name: 'file', description: 'The secret key [release.key]', required: false },
  flags: { verbose: shownFlags.verbose },
  examples: [
    ['sarma keygen', 'release.key and release.pub, in the formats of minisign'],
    ['SARMA_SIGNING_KEY_PASSWORD=… sarma keygen', 'the same, encrypted'],
  ],
  run: async ({ file = 'release.key' }) => {
    const [{ writeKeyPair }, { showKeyPair }] = await Promise.all([
      import('@sarma/publish'),
      import('../show/publish.ts'),
    ]);
    const password = process.env.SARMA_SIGNING_KEY_PASSWORD || undefined;
    showKeyPair(await writeKeyPair(file, password), password !== undefined);
    return 0;
  },
});
