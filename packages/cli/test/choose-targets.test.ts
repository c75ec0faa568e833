import { expect, test } from 'vitest';
import { chooseTargets } from '../src/choose-targets.ts';
import { shippedMatrix } from './support/host.ts';

const chosen = (targets: readonly string[], configured: readonly string[] = []) =>
  chooseTargets(shippedMatrix, { targets }, configured, {}).targets.map(({ name }) => name);

test('all is every target, and the universal one is built where it is named', () => {
  const names = [...shippedMatrix.keys()];
  expect(names).toContain('darwin-universal');
  expect(chosen(['all'])).toEqual(names.filter((name) => name !== 'darwin-universal'));
  expect(chosen(['all', 'macos-universal']).toSorted()).toEqual(names.toSorted());
  expect(chosen([], ['darwin-universal', 'darwin-x64'])).toEqual(['darwin-universal', 'darwin-x64']);
});
