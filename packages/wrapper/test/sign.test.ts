import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Command, runCommand } from '../src/command.ts';
import type { WrapEvent } from '../src/events.ts';
import { checkCodeSignature } from '../src/executables/check-code-signature.ts';
import { DEFAULT_SETTINGS } from '../src/settings.ts';
import { shippedTargets } from '../src/targets.ts';
import { verify } from '../src/verify.ts';
import { type Outcome, wrap } from '../src/wrap.ts';
import { writeAssembled } from './support/assembled.ts';
import { writeNodes } from './support/darwin-node.ts';
import { checkLayout, checkUniversal } from './support/macho-check.ts';
import { selfSigned } from './support/self-signed.ts';
import { hasTool } from './support/tools.ts';

const RESIGN = path.join(import.meta.dirname, 'support/resign.ts');
const node = process.execPath;

let root: string;
let runtime: string;
let output: string;
let events: WrapEvent[];

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'sarma-sign-'));
  await writeAssembled(path.join(root, 'release'));
  const version = '24.1.0';
  runtime = await writeNodes(path.join(root, 'nodes'), {
    'darwin-x64': version,
    'darwin-arm64': version,
    'win-x64': version,
  });
});
beforeEach(async () => {
  output = await mkdtemp(path.join(root, 'out-'));
  events = [];
});
afterAll(() => rm(root, { recursive: true }));

async function build(target: string, sign?: Command, signal?: AbortSignal): Promise<Outcome> {
  const key = target.startsWith('win-') ? 'windows' : 'macos';
  const [outcome] = await wrap({
    directory: path.join(root, 'release'),
    targets: [shippedTargets.get(target)!],
    output: `${output}/`,
    project: root,
    range: runtime,
    compression: 'fast',
    settings: { ...DEFAULT_SETTINGS, [key]: { ...DEFAULT_SETTINGS[key], sign } },
    onEvent: (event) => events.push(event),
    ...(signal && { signal }),
  });
  return outcome!;
}

/** A command that runs a line of JavaScript with the arguments `file`, `target`, `name`, `version`. */
function script(body: string): Command {
  const start = 'const [file, target, name, version] = process.argv.slice(1); const fs = require("node:fs");';
  return [node, '-e', `${start}${body}`, '{file}', '{target}', '{name}', '{version}'];
}

/** JavaScript that flips a bit of `file`. */
function flip(where: string): string {
  return `const bytes = fs.readFileSync(file); bytes[${where}] ^= 1; fs.writeFileSync(file, bytes);`;
}

function errorOf(outcome: Outcome): Error & { code?: string } {
  if ('error' in outcome) return outcome.error;
  throw new Error('it was built');
}

describe.each(['darwin-arm64', 'darwin-x64', 'darwin-universal'])('wrap.macos.sign for %s', (target) => {
  test('puts another signature in place of ours, which covers all and keeps the program', async () => {
    const outcome = await build(target, [node, RESIGN, '{file}', 'org.example.{name}']);
    const file = path.join(output, `small_${target}`);
    const bytes = await readFile(file);
    const slices =
      target === 'darwin-universal' ? checkUniversal(bytes).map((slice) => slice.bytes) : [bytes];
    for (const slice of slices) {
      checkLayout(slice);
      expect(checkCodeSignature(slice)).toEqual({ identifier: 'org.example.small', isAdHoc: false });
    }
    expect(await verify(file)).toMatchObject({ ok: true });
    expect(outcome).toMatchObject({ artifacts: [{ file, bytes: bytes.length, replaced: false }] });
    const { parts } = 'artifacts' in outcome ? outcome.artifacts[0]! : { parts: undefined };
    expect(Object.values(parts!).reduce((sum, part) => sum + part, 0)).toBe(bytes.length);
    expect(events).toContainEqual({
      type: 'notice',
      level: 'info',
      message: `small_${target} was signed by wrap.macos.sign.`,
      target,
    });
    expect(events.at(-1)).toMatchObject({ type: 'artifact', target, bytes: bytes.length });
    expect((await stat(file)).mode & 0o777).toBe(0o755);
    expect((await readdir(output)).filter((name) => name.startsWith('.'))).toEqual([]);
    const sums = await readFile(path.join(output, 'SHA256SUMS'), 'utf8');
    expect(sums).toContain(`${createHash('sha256').update(bytes).digest('hex')}  small_${target}\n`);
  });
});

test('a command is told the file under its final name, target, name and version, and runs in the project', async () => {
  const body =
    'fs.writeFileSync("told", JSON.stringify([file, target, name, version, process.env.SARMA_FILE]));';
  await build('darwin-arm64', script(body));
  const [file, ...others] = JSON.parse(await readFile(path.join(root, 'told'), 'utf8'));
  expect(path.basename(file)).toBe('small_darwin-arm64');
  expect(path.dirname(path.dirname(file))).toBe(output);
  expect(others).toEqual(['darwin-arm64', 'small', '1.0.0', file]);
});

test('a command that writes another file and moves it there, as osslsigncode wants, loses no mode', async () => {
  const signer = `"${node}" "${RESIGN}" {file} org.example`;
  const outcome = await build(
    'darwin-x64',
    `${signer} && cp {file} "{file}".new && chmod 600 {file}.new && mv {file}.new {file}`,
  );
  const file = path.join(output, 'small_darwin-x64');
  expect(outcome).toMatchObject({ artifacts: [{ file, bytes: (await stat(file)).size }] });
  expect((await stat(file)).mode & 0o777).toBe(0o755);
});

test('a placeholder in a line for the shell may stand in quotes, whatever its value holds', async () => {
  for (const quote of ['', '"', "'"]) {
    const told = path.join(root, 'quoted');
    const value = `it's a "$HOME" \\ b`;
    const line = `printf %s ${quote}{file}${quote} > ${told}`;
    await runCommand(line, 'the test', { file: value }, root);
    expect(await readFile(told, 'utf8')).toBe(value);
  }
});

test("a placeholder that is mistyped fails before anything is run; other words in braces are the command's", async () => {
  const run = (command: Command) => runCommand(command, 'the test', { file: 'x', target: 'y' }, root);
  const said =
    'the test has {fiel}, which stands for nothing. Did you mean {file}? There are {file}, {target}.';
  await expect(run('touch ran {fiel}')).rejects.toThrow(said);
  await expect(run(['touch', 'ran', '--in={fiel}'])).rejects.toThrow(said);
  expect(await readdir(root)).not.toContain('ran');
  await run("echo a | awk '{print}'");
});

test.skipIf(!hasTool('osslsigncode') || !hasTool('openssl'))(
  'the line for the shell that docs/executable.md has signs a Windows executable',
  async () => {
    const options = { cwd: root, stdio: 'ignore' } as const;
    selfSigned(root, 'Test');
    const bundle = ['pkcs12', '-export', '-inkey', 'key.pem', '-in', 'certificate.pem', '-out', 'cert.p12'];
    execFileSync('openssl', [...bundle, '-passout', 'pass:'], options);
    const docs = await readFile(path.join(import.meta.dirname, '../../../docs/executable.md'), 'utf8');
    const line = /windows: \{ sign: '(.*)' \}/.exec(docs)![1]!;
    const outcome = await build('win-x64', line);
    const file = path.join(output, 'small_win-x64.exe');
    expect(outcome).toMatchObject({ artifacts: [{ file }] });
    const verified = execFileSync('osslsigncode', ['verify', '-CAfile', 'certificate.pem', '-in', file], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(verified).toContain('Signature verification: ok');
    expect((await stat(file)).mode & 0o777).toBe(0o755);
    expect((await verify(file)).ok).toBe(true);
    const damaging = `"${node}" -e '${flip('0x2000').replaceAll('file', 'process.argv[1]').replaceAll('fs.', 'require("fs").')}' {file}`;
    expect(errorOf(await build('win-x64', `${damaging} && ${line}`))).toMatchObject({
      code: 'SIGNED_IS_DAMAGED',
      message: expect.stringContaining('the program before what it unpacks has changed'),
    });
    const { ok, checks } = await verify(file);
    expect(ok).toBe(true);
    expect(checks.at(-1)).toEqual({
      name: 'signature',
      ok: true,
      detail: 'fits the file and names CN=Test as signer; neither it nor the certificate is checked further',
    });
    const last = await readFile(file);
    const breaks = `${line} && "${node}" -e ${`'const fs = require("node:fs"); const file = process.argv[1]; ${flip('0x500')}'`} {file}`;
    expect(errorOf(await build('win-x64', breaks))).toMatchObject({
      code: 'SIGNED_IS_DAMAGED',
      message: expect.stringContaining('it was altered after it was signed'),
    });
    expect((await readFile(file)).equals(last)).toBe(true);
  },
);

describe('a build whose command', () => {
  test.each([
    [
      'fails',
      'darwin-arm64',
      'console.error("no such key"); process.exit(3);',
      'COMMAND_FAILED',
      /wrap\.macos\.sign for darwin-arm64 failed: .* exit code 3: .*\n {2}no such key/s,
    ],
    ['fails', 'win-x64', 'process.exit(3);', 'COMMAND_FAILED', /wrap\.windows\.sign for win-x64 failed/],
    ['does nothing', 'darwin-arm64', '', 'SIGNED_IS_DAMAGED', /it left the file as it was/],
    ['does nothing', 'darwin-universal', '', 'SIGNED_IS_DAMAGED', /it left the file as it was/],
    ['does nothing', 'win-x64', '', 'SIGNED_IS_DAMAGED', /it left the file as it was/],
    ['signs nothing', 'win-x64', flip('0x500'), 'SIGNED_IS_DAMAGED', /it has no signature/],
    [
      'damages the stub',
      'darwin-arm64',
      flip('0x8123'),
      'SIGNED_IS_DAMAGED',
      /bytes from 32768 on are not those that were signed/,
    ],
    [
      'damages the payload',
      'darwin-arm64',
      flip(`bytes.indexOf('"layout"')`),
      'SIGNED_IS_DAMAGED',
      /what the executable unpacks has changed/,
    ],
    [
      'damages the payload',
      'win-x64',
      flip('bytes.length - 2000'),
      'SIGNED_IS_DAMAGED',
      /what the executable unpacks has changed/,
    ],
    ['cuts the file off', 'win-x64', 'fs.truncateSync(file, 5000);', 'SIGNED_IS_DAMAGED', /has changed/],
    [
      'appends to it',
      'darwin-x64',
      'fs.appendFileSync(file, "more");',
      'SIGNED_IS_DAMAGED',
      /does not end __LINKEDIT and the file/,
    ],
    [
      'loses a slice',
      'darwin-universal',
      'fs.writeFileSync(file, fs.readFileSync(file).subarray(0x4000));',
      'SIGNED_IS_DAMAGED',
      /lost a part for one of the CPUs/,
    ],
    [
      'leaves no file',
      'darwin-x64',
      'fs.renameSync(file, file + ".signed");',
      'SIGNED_IS_DAMAGED',
      /it left no file by that name/,
    ],
    [
      'leaves a link',
      'darwin-x64',
      'fs.rmSync(file); fs.symlinkSync("/dev/null", file);',
      'SIGNED_IS_DAMAGED',
      /it left no file by that name/,
    ],
  ])('%s (%s) fails, and what was there stays', async (_what, target, body, code, message) => {
    const old = path.join(output, `small_${target}${target === 'win-x64' ? '.exe' : ''}`);
    await build(target);
    await chmod(old, 0o711);
    const before = await readFile(old);
    const names = await readdir(output);
    const error = errorOf(await build(target, script(body)));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect((await readFile(old)).equals(before)).toBe(true);
    expect((await stat(old)).mode & 0o777).toBe(0o711);
    expect(await readdir(output)).toEqual(names);
  });

  test('is interrupted leaves nothing, and does not wait for it', { timeout: 60_000 }, async () => {
    const controller = new AbortController();
    const started = path.join(output, '..', 'started');
    const sign = script(`fs.writeFileSync(${JSON.stringify(started)}, ""); setTimeout(() => {}, 600_000);`);
    const building = build('darwin-arm64', sign, controller.signal);
    while (!(await stat(started).catch(() => undefined))) await setTimeout(20);
    controller.abort(new Error('Ctrl-C'));
    expect(errorOf(await building)).toMatchObject({ code: 'COMMAND_FAILED' });
    expect(await readdir(output)).toEqual([]);
  });
});
