import semver from 'semver';
import { expect, test } from 'vitest';
import { defaultRange } from '../src/runtimes/default-range.ts';

const newest = ['20.20.2', '22.23.3', '24.0.0', '24.21.0', '26.10.0'];
const chosen = (engines?: string) => semver.maxSatisfying(newest, defaultRange(engines));

test.each([
  [undefined, '24.21.0'],
  ['*', '24.21.0'],
  ['>=18', '24.21.0'],
  ['^18.17.0 || >=20.5.0', '24.21.0'],
  ['>=24.5', '24.21.0'],
  ['^24.0.0 || >=26', '24.21.0'],
  ['<24.5', '24.0.0'],
  ['^22.12', '22.23.3'],
  ['20 || 22', '22.23.3'],
  ['>=25', '26.10.0'],
  ['latest', '24.21.0'],
])('a project that says engines.node %j gets %s', (engines, version) => {
  expect(chosen(engines)).toBe(version);
});
