import { expect, test } from 'vitest';
import { parseManifest } from '../src/executable.ts';

const frame = { offset: 0, length: 10, sha256: 'a'.repeat(64) };
const manifest = { name: 'hello', version: '1.0.0', target: 'linux-x64', frames: [frame] };

const parsed = (value: unknown) => parseManifest(Buffer.from(JSON.stringify(value)), 10);

test('a manifest is what an update looks at of it', () => {
  expect(parsed({ format: 1, ...manifest })).toEqual(manifest);
});

test.each<readonly [what: string, value: unknown]>([
  ['null', null],
  ['a text', 'hello'],
  ['one without frames', { ...manifest, frames: undefined }],
  ['one with other frames', { ...manifest, frames: {} }],
  ['one with a frame that is none', { ...manifest, frames: [null] }],
  ['one without a name', { ...manifest, name: '' }],
  ['one without a target', { ...manifest, target: undefined }],
  ['one with a frame without a hash', { ...manifest, frames: [{ ...frame, sha256: undefined }] }],
  ['one with a frame before the first', { ...manifest, frames: [{ ...frame, offset: -1 }] }],
  ['one with a frame that ends behind them', { ...manifest, frames: [{ ...frame, length: 11 }] }],
])('%s is no manifest', (_, value) => {
  expect(parsed(value)).toBeUndefined();
});

test('nor is what is no JSON', () => {
  expect(parseManifest(Buffer.from('{'), 10)).toBeUndefined();
});
