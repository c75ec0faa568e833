// A secret key that minisign has encrypted: 1 GiB of memory and some seconds each time, as it is with those that people have.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readSigningKey } from '../packages/publish/src/index.ts';
import { signatureOf } from '../packages/publish/src/sign.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory } from './support/run.ts';

test.skipIf(lacks('minisign'))(
  'a key that minisign has encrypted signs with its password, and minisign takes that',
  async () => {
    const cwd = await temporaryDirectory();
    const password = 'correct horse ß';
    const minisign = async (args: readonly string[], input = '') =>
      await run('minisign', args, { cwd, input });
    await minisign(['-G', '-s', 'secret', '-p', 'public'], `${password}\n${password}\n`);
    const env = { SARMA_SIGNING_KEY: path.join(cwd, 'secret') };
    await expect(readSigningKey({ ...env, SARMA_SIGNING_KEY_PASSWORD: 'wrong' })).rejects.toThrow(
      /SARMA_SIGNING_KEY_PASSWORD does not open/,
    );
    const key = await readSigningKey({ ...env, SARMA_SIGNING_KEY_PASSWORD: password });
    expect(await readFile(path.join(cwd, 'public'), 'utf8')).toContain(key!.publicKey);
    await writeFile(path.join(cwd, 'file'), 'what is signed');
    const signature = signatureOf(Buffer.from('what is signed'), 'hello 1.2.0', key!);
    await writeFile(path.join(cwd, 'file.minisig'), signature);
    expect((await minisign(['-V', '-p', 'public', '-m', 'file'])).stdout).toContain('hello 1.2.0');
  },
);
