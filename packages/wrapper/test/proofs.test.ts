// What lies beside an executable in a folder of outputs (promise P21).
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WrapEvent } from '../src/events.ts';
import { storeManifest } from '../src/manifest.ts';
import type { BuildContext } from '../src/phases.ts';
import { hostTarget, loadTargets } from '../src/targets.ts';
import { type Outcome, wrap } from '../src/wrap.ts';
import { writeAssembled } from './support/assembled.ts';

let root: string;
let output: string;
let events: WrapEvent[];

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'sarma-proofs-'));
  output = path.join(root, 'out');
  events = [];
  await mkdir(output);
});
afterEach(() => rm(root, { recursive: true }));

const build = async (steps: readonly unknown[] = ['check', 'pack', 'write']): Promise<Outcome> => {
  const [outcome] = await wrap({
    directory: await writeAssembled(path.join(root, 'release')),
    targets: [hostTarget(await loadTargets(root))],
    output,
    project: root,
    range: process.execPath,
    compression: 'none',
    phases: { build: steps },
    onEvent: (event) => events.push(event),
  });
  return outcome!;
};
const told = (type: WrapEvent['type']) => events.filter((event) => event.type === type);
const file = async () => path.join(output, `small_${hostTarget(await loadTargets(root)).name}`);

describe('beside an executable', { timeout: 60_000 }, () => {
  test('lie its bill of materials and SHA256SUMS, which the build names', async () => {
    const sidecars = [`${await file()}.cdx.json`, path.join(output, 'SHA256SUMS')];
    expect(await build()).toMatchObject({ artifacts: [{ file: await file(), sidecars }] });
    expect(told('artifact')).toMatchObject([{ file: await file(), sidecars }]);
    expect(await readFile(sidecars[1]!, 'utf8')).toMatch(/^\S+ {2}small_\S+\n\S+ {2}small_\S+\.cdx\.json\n$/);
  });

  test('lies no bill of materials, and none of an older build, where steps of the user leave it out', async () => {
    await writeFile(`${await file()}.cdx.json`, 'older');
    const withoutBill = (context: BuildContext) => {
      const packed = context.packed!;
      const manifest = { ...packed.manifest, version: '9.9.9' };
      return { ...context, packed: { ...packed, manifest, stored: storeManifest(manifest) } };
    };
    const sidecars = [path.join(output, 'SHA256SUMS')];
    expect(await build(['check', 'pack', withoutBill, 'write'])).toMatchObject({ artifacts: [{ sidecars }] });
    expect(await readdir(output)).toEqual(['SHA256SUMS', path.basename(await file())]);
    expect(told('notice')).toMatchObject([
      { level: 'warning', message: expect.stringContaining('holds no bill of materials') },
    ]);
  });

  test('nothing can be written: the build says what to do', async () => {
    await mkdir(`${await file()}.cdx.json`);
    expect(await build()).toMatchObject({
      error: {
        code: 'OUTPUT_NOT_WRITABLE',
        message: expect.stringMatching(/beside .* -o: nothing is put beside it then\.$/),
      },
    });
  });
});
