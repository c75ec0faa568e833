// Keys and signatures of the one program are those of the other.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { lacks } from '../../../test/support/requirements.ts';
import { run, temporaryDirectory } from '../../../test/support/run.ts';
import { generateKey, keyId, readSigningKey } from '../src/index.ts';
import { signatureOf } from '../src/sign.ts';

const PASSWORD = 'correct horse ß';

/** A folder for a pair of keys and what they sign. */
async function folder(): Promise<string> {
  const directory = await temporaryDirectory();
  await writeFile(path.join(directory, 'SHA256SUMS'), 'what is signed\n');
  return directory;
}

/** Runs it with what a person would type; resolves to what it prints. */
async function minisign(cwd: string, args: readonly string[], input = ''): Promise<string> {
  const { stdout, stderr, exitCode } = await run('minisign', args, { cwd, input });
  if (exitCode !== 0) throw new Error(stdout + stderr);
  return stdout;
}

const keyIn = (directory: string, password?: string) =>
  readSigningKey({
    SARMA_SIGNING_KEY: path.join(directory, 'secret'),
    ...(password !== undefined && { SARMA_SIGNING_KEY_PASSWORD: password }),
  });

async function expectOurSignature(directory: string, password?: string): Promise<void> {
  const key = (await keyIn(directory, password))!;
  const bytes = await readFile(path.join(directory, 'SHA256SUMS'));
  await writeFile(path.join(directory, 'SHA256SUMS.minisig'), signatureOf(bytes, 'hello 1.2.0', key));
  const said = await minisign(directory, ['-V', '-p', 'public', '-m', 'SHA256SUMS']);
  expect(said).toContain('Trusted comment: hello 1.2.0');
  expect(await readFile(path.join(directory, 'public'), 'utf8')).toContain(key.publicKey);
  expect(await readFile(path.join(directory, 'public'), 'utf8')).toContain(keyId(key));
}

async function writeOurs(directory: string, password?: string): Promise<void> {
  const pair = await generateKey(password);
  await writeFile(path.join(directory, 'secret'), pair.secretKey);
  await writeFile(path.join(directory, 'public'), pair.publicKey);
}

describe.skipIf(lacks('minisign'))('minisign', () => {
  test.each([
    ['without a password', undefined],
    ['with one', PASSWORD],
  ])('takes a key that we have made, %s, and what either signs with it', async (_, password) => {
    const directory = await folder();
    await writeOurs(directory, password);
    await expectOurSignature(directory, password);
    const typed = password === undefined ? '' : `${password}\n`;
    await minisign(directory, ['-S', '-s', 'secret', '-m', 'SHA256SUMS', '-t', 'by hand'], typed);
    const said = await minisign(directory, ['-V', '-p', 'public', '-m', 'SHA256SUMS']);
    expect(said).toContain('Trusted comment: by hand');
  });

  test('has made a key, and takes what we sign with it', async () => {
    const directory = await folder();
    await minisign(directory, ['-G', '-W', '-s', 'secret', '-p', 'public']);
    await expectOurSignature(directory);
  });

  test('refuses what was changed after we signed it', async () => {
    const directory = await folder();
    await writeOurs(directory);
    await expectOurSignature(directory);
    await writeFile(path.join(directory, 'SHA256SUMS'), 'what is signeD\n');
    await expect(minisign(directory, ['-V', '-p', 'public', '-m', 'SHA256SUMS'])).rejects.toThrow(
      'Signature verification failed',
    );
  });
});

describe('a secret key', () => {
  const read = (text: string, password?: string) =>
    readSigningKey({ SARMA_SIGNING_KEY: text, SARMA_SIGNING_KEY_PASSWORD: password });
  const flipped = (text: string, at: number) => {
    const [comment, line] = text.split('\n');
    const bytes = Buffer.from(line!, 'base64');
    bytes[at]! ^= 1;
    return `${comment}\n${bytes.toString('base64')}\n`;
  };

  test('is given as its text, as one line of it, or as a path', async () => {
    const directory = await folder();
    await writeOurs(directory);
    const text = await readFile(path.join(directory, 'secret'), 'utf8');
    const byPath = await keyIn(directory);
    expect((await read(text))!.publicKey).toBe(byPath!.publicKey);
    expect((await read(text.split('\n')[1]!))!.publicKey).toBe(byPath!.publicKey);
    expect((await read(text.replaceAll('\n', '\r\n')))!.publicKey).toBe(byPath!.publicKey);
    expect(await read('')).toBeUndefined();
    expect(await readSigningKey({})).toBeUndefined();
  });

  test('says that its password is missing or wrong', async () => {
    const { secretKey } = await generateKey(PASSWORD);
    await expect(read(secretKey)).rejects.toThrow(/is encrypted: set SARMA_SIGNING_KEY_PASSWORD/);
    await expect(read(secretKey, 'wrong')).rejects.toThrow(/SARMA_SIGNING_KEY_PASSWORD does not open/);
    await expect(read(flipped(secretKey, 100), PASSWORD)).rejects.toThrow(/or the key is damaged/);
  });

  test('says that it is damaged, or none at all, and never what it is', async () => {
    const { secretKey } = await generateKey(undefined);
    const line = secretKey.split('\n')[1]!;
    const cases: readonly (readonly [text: string, sentence: RegExp])[] = [
      [flipped(secretKey, 54), /is damaged: its parts do not fit together/],
      [flipped(secretKey, 70), /is damaged: its parts do not fit together/],
      [flipped(secretKey, 157), /is damaged: its parts do not fit together/],
      [flipped(secretKey, 0), /is no secret key of minisign/],
      [line.slice(0, -4), /is no secret key of minisign/],
      [(await generateKey(undefined)).publicKey, /is no secret key of minisign/],
      // Too short for a key, so it could be a path.
      [
        line.slice(0, 90),
        /neither the text of a secret key nor the path of a file that can be read \(ENOENT\)/,
      ],
    ];
    for (const [text, sentence] of cases) {
      const error: Error = await read(text).then(
        () => expect.unreachable(),
        (cause: Error) => cause,
      );
      expect(error.message).toMatch(sentence);
      expect(`${error.stack}${String(error.cause)}`).not.toContain(line.slice(10, 60));
    }
  });

  test('that asks for more work than minisign would is refused before the work', async () => {
    const { secretKey } = await generateKey(PASSWORD);
    const bytes = Buffer.from(secretKey.split('\n')[1]!, 'base64');
    bytes.writeBigUInt64LE(1n << 60n, 46);
    await expect(read(bytes.toString('base64'), PASSWORD)).rejects.toThrow(/asks for more work/);
  });

  test('signs the same bytes in the same way', async () => {
    const { secretKey } = await generateKey(undefined);
    const key = (await read(secretKey))!;
    const sign = () => signatureOf(Buffer.from('bytes'), 'hello 1.2.0', key);
    expect(sign()).toBe(sign());
  });
});
