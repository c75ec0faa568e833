import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WrapEvent } from '../src/events.ts';
import { joinSlices, readSlices } from '../src/executables/fat.ts';
import { inspectSlices } from '../src/inspect.ts';
import { shippedTargets } from '../src/targets.ts';
import { verify } from '../src/verify.ts';
import { type Outcome, wrap } from '../src/wrap.ts';
import { writeAssembled } from './support/assembled.ts';
import { writeNodes } from './support/darwin-node.ts';
import { checkMacho, checkUniversal } from './support/macho-check.ts';
import { hasTool } from './support/tools.ts';

const TARGETS = ['darwin-x64', 'darwin-arm64', 'darwin-universal'].map((name) => shippedTargets.get(name)!);
const lipo = ['llvm-lipo', 'llvm-lipo-14'].find(hasTool);

let root: string;
let runtime: string;
let outcomes: readonly Outcome[];
const events: WrapEvent[] = [];
const fileOf = (target: string) => path.join(root, 'out', `small_${target}`);

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'sarma-macos-'));
  await writeAssembled(path.join(root, 'release'));
  runtime = await writeNodes(path.join(root, 'nodes'), { 'darwin-x64': '24.1.0', 'darwin-arm64': '24.1.0' });
  outcomes = await build({ onEvent: (event) => events.push(event) });
});
afterAll(() => rm(root, { recursive: true }));

async function build(options: Partial<Parameters<typeof wrap>[0]> = {}): Promise<readonly Outcome[]> {
  return await wrap({
    directory: path.join(root, 'release'),
    targets: TARGETS,
    output: `${path.join(root, 'out')}/`,
    project: root,
    range: runtime,
    compression: 'fast',
    ...options,
  });
}

describe.each(['darwin-x64', 'darwin-arm64'])('the executable for %s', (target) => {
  test('is as dyld, the kernel and codesign want it, every page hash included', async () => {
    const { segments, signature } = checkMacho(await readFile(fileOf(target)));
    expect(segments.slice(-2).map(({ name }) => name)).toEqual(['__SARMA', '__LINKEDIT']);
    // CS_ADHOC and CS_LINKER_SIGNED.
    expect(signature).toMatchObject({ identifier: 'small', flags: 0x20002 });
  });

  test('is not, with one byte altered in its header, its stub, its payload or behind it', async () => {
    const file = await readFile(fileOf(target));
    const { segments, signature } = checkMacho(file);
    const offsetOf = (name: string) => segments.find((segment) => segment.name === name)!.offset;
    const places = {
      header: 24,
      command: 60,
      stub: 0x8123,
      data: offsetOf('__DATA') + 5,
      payload: offsetOf('__SARMA') + 1000,
      linkedit: offsetOf('__LINKEDIT') + 40,
      last: signature.codeLimit - 1,
    };
    for (const [what, at] of Object.entries(places)) {
      const damaged = Buffer.from(file);
      damaged[at]! ^= 0x10;
      expect(() => checkMacho(damaged), what).toThrow();
    }
  });
});

describe('the universal executable', () => {
  test('holds what is built for each CPU, x64 first, byte for byte', async () => {
    const slices = checkUniversal(await readFile(fileOf('darwin-universal')));
    expect(slices.map(({ cpu }) => cpu)).toEqual([0x01000007, 0x0100000c]);
    for (const [index, target] of ['darwin-x64', 'darwin-arm64'].entries()) {
      checkMacho(slices[index]!.bytes);
      expect(slices[index]!.bytes.equals(await readFile(fileOf(target)))).toBe(true);
    }
  });

  test.skipIf(lipo === undefined)('is the one that lipo makes of the two', async () => {
    const theirs = path.join(root, 'lipo');
    const alignment = ['x86_64', 'arm64'].flatMap((cpu) => ['-segalign', cpu, '4000']);
    execFileSync(lipo!, [
      '-create',
      fileOf('darwin-x64'),
      fileOf('darwin-arm64'),
      ...alignment,
      '-output',
      theirs,
    ]);
    expect((await readFile(theirs)).equals(await readFile(fileOf('darwin-universal')))).toBe(true);
  });

  test('is told of as one target, whose parts are those of both slices', () => {
    const outcome = outcomes[2] as Extract<Outcome, { artifacts: unknown }>;
    const ids = outcomes.slice(0, 2).map((one) => 'artifacts' in one && one.artifacts[0]!.id);
    expect(outcome.artifacts).toMatchObject([
      { target: 'darwin-universal', name: 'small', file: fileOf('darwin-universal'), id: ids.join('+') },
    ]);
    const { bytes, parts } = outcome.artifacts[0]!;
    expect(parts.stub + parts.runtime + parts.release + parts.manifest).toBe(bytes);
    const told = events.filter((event) => 'target' in event && event.target === 'darwin-universal');
    expect(told.map(({ type }) => type)).toContain('phase');
    expect(told.filter(({ type }) => type === 'artifact')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'artifact')).toHaveLength(3);
  });

  test('is inspected and verified slice by slice', async () => {
    const file = fileOf('darwin-universal');
    const found = await inspectSlices(file);
    expect(found.map(({ manifest }) => manifest.target)).toEqual(['darwin-x64', 'darwin-arm64']);
    expect(found.map(({ stamp }) => stamp.target)).toEqual(['darwin-x64', 'darwin-arm64']);
    expect(await verify(file)).toMatchObject({ ok: true, target: 'darwin-universal' });
    const slices = readSlices(await readFile(file), Number.MAX_SAFE_INTEGER)!;
    for (const [index, name] of ['darwin-x64', 'darwin-arm64'].entries()) {
      for (const [at, check] of [
        [0x8123, 'signature'],
        [found[index]!.stamp.payloadOffset + 20, 'runtime'],
      ] as const) {
        const damaged = await readFile(file);
        damaged[slices[index]!.offset + at]! ^= 1;
        await writeFile(path.join(root, 'damaged'), damaged);
        const { ok, checks } = await verify(path.join(root, 'damaged'));
        expect(ok).toBe(false);
        expect(checks).toContainEqual(expect.objectContaining({ name: `${name}: ${check}`, ok: false }));
        expect(checks.filter((one) => !one.ok && !one.name.startsWith(name))).toEqual([]);
      }
    }
  });

  test('is refused where its slices would have different versions of Node', async () => {
    const range = await writeNodes(path.join(root, 'others'), {
      'darwin-x64': '24.1.0',
      'darwin-arm64': '24.0.0',
    });
    const [outcome] = await build({ targets: TARGETS.slice(2), range, output: path.join(root, 'refused') });
    expect(outcome).toMatchObject({
      error: { code: 'SLICES_DIFFER', message: expect.stringContaining('darwin-arm64 24.0.0') },
    });
  });

  test('is refused above 4 GiB, which its header cannot say', () => {
    const huge = { pieces: [{ file: 'none', offset: 0, length: 0xfffffff0, sha256: '' }], seal: () => {} };
    expect(() => joinSlices([huge, huge])).toThrow(/at most 4 GiB; build one for each CPU/);
  });
});
