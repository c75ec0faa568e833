import { expect, test } from 'vitest';
import { changeRuntime } from '../src/payload/change-runtime.ts';
import { findTarget, shippedTargets } from '../src/targets.ts';
import { compileStub } from './support/compile-stub.ts';

test('only a symbol table that there was is said to be dropped', () => {
  const target = findTarget(shippedTargets, 'linux-x64');
  const official = compileStub('x86_64-linux-musl', '-fno-strip');
  const wanted = { strip: true, languages: undefined };
  const first = changeRuntime(official, target, wanted);
  expect(first.file.length).toBeLessThan(official.length);
  expect(first.changes).toEqual(['symbol table dropped']);
  const again = changeRuntime(first.file, target, wanted);
  expect(again.file.equals(first.file)).toBe(true);
  expect(again.changes).toEqual([]);
});
