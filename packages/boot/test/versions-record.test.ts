import { expect, test } from 'vitest';
import { versionsBefore } from '../src/versions/start-record.ts';

test('going forward remembers what was permanent, going back forgets what lies behind', () => {
  expect(versionsBefore({ version: '1' }, '2')).toEqual(['1']);
  expect(versionsBefore({ version: '2', before: ['1'] }, '3')).toEqual(['1', '2']);
  expect(versionsBefore({ version: '3', before: ['1', '2'] }, '2')).toEqual(['1']);
  expect(versionsBefore({ version: '3', before: ['1', '2'] }, '1')).toEqual([]);
  expect(versionsBefore({ version: '3', before: ['1', '2'] }, '3')).toEqual(['1', '2']);
});

test('what a killed upgrade had written before it made a version permanent is no second way back', () => {
  expect(versionsBefore({ version: '2', before: ['1', '2'] }, '3')).toEqual(['1', '2']);
});
