import { downloadSize, planUpdate } from '@sarma/update';
import { expect, test } from 'vitest';

const K = 1024;
const frame = (sha256: string, offset: number, length: number) => ({ sha256, offset, length });

test('what the old file has is copied, wherever it lay, and the rest is fetched in as few runs as there are', () => {
  const old = [{ payload: 100, frames: [frame('node', 0, 900 * K), frame('old', 900 * K, 200 * K)] }];
  const wanted = [{ payload: 200, frames: [frame('new', 0, 300 * K), frame('node', 300 * K, 900 * K)] }];
  const size = 200 + 1200 * K + 50;
  const plan = planUpdate(size, wanted, old);
  expect(plan).toEqual({
    copies: [{ offset: 200 + 300 * K, length: 900 * K, from: 100 }],
    downloads: [
      { offset: 0, length: 200 + 300 * K },
      { offset: 200 + 1200 * K, length: 50 },
    ],
  });
  expect(downloadSize(plan)).toBe(200 + 300 * K + 50);
});

test('a universal file takes from each part of the old one', () => {
  const parts = (release: string) => [
    { payload: 10, frames: [frame('x64', 0, 100 * K), frame(`${release} x`, 100 * K, 100 * K)] },
    { payload: 500 * K, frames: [frame('arm64', 0, 100 * K), frame(`${release} a`, 100 * K, 100 * K)] },
  ];
  const plan = planUpdate(1000 * K, parts('new'), parts('old'));
  expect(plan.copies.map(({ offset }) => offset)).toEqual([10, 500 * K]);
  expect(downloadSize(plan)).toBe(800 * K);
});

test('what is smaller than a request is worth is fetched with what lies around it', () => {
  const frames = [frame('a', 0, 100), frame('b', 100, 200)];
  expect(planUpdate(300, [{ payload: 0, frames }], [{ payload: 0, frames }]).downloads).toEqual([
    { offset: 0, length: 300 },
  ]);
});

test('frames of one hash and another length are not the same', () => {
  const laid = (length: number) => [{ payload: 0, frames: [frame('a', 0, length)] }];
  expect(planUpdate(100 * K, laid(100 * K), laid(90 * K)).copies).toEqual([]);
});
