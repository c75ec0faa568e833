import { describe, expect, test } from 'vitest';
import { sectionOf } from '../src/changelog.ts';

describe('the section of a version is found below', () => {
  test.each([
    ['## 1.2.0'],
    ['## v1.2.0'],
    ['# 1.2.0'],
    ['## [1.2.0] - 2026-05-04'],
    ['## [1.2.0](https://example.org/compare) (2026-05-04)'],
    ['### 1.2.0 / 4 May'],
    ['## hello@1.2.0'],
    ['## Version 1.2.0'],
    ['   ## 1.2.0'],
  ])('%s', (heading) => {
    const changelog = `# Changelog\n\n## 1.20.0\n\nLater.\n\n${heading}\n\n* This.\n\n## 1.1.2\n\n* That.\n`;
    expect(sectionOf(changelog, '1.2.0')).toBe('* This.');
  });
});

test('headings within a section belong to it, those of other versions do not, of whatever level', () => {
  const changelog = '## 1.2.0\n\n### Added\n\n* This.\n\n### 1.1.9\n\n* That.\n';
  expect(sectionOf(changelog, '1.2.0')).toBe('### Added\n\n* This.');
  expect(sectionOf(changelog, '1.1.9')).toBe('* That.');
});

test('what looks like a heading in code is none', () => {
  const changelog = '## 1.2.0\n\n```sh\n# 1.1.0\nrun\n```\n\nDone.\n\n## 1.1.0\n\nOld.\n';
  expect(sectionOf(changelog, '1.2.0')).toBe('```sh\n# 1.1.0\nrun\n```\n\nDone.');
  expect(sectionOf(changelog, '1.1.0')).toBe('Old.');
});

test('links keep what they lead to, and only these', () => {
  const links = '[1.2.0]: https://example.org/1.2.0\n[#7]: https://example.org/7\n';
  const changelog = `## [1.2.0]\n\nSee [#7].\n\n## [1.1.0]\n\nOld.\n\n${links}`;
  expect(sectionOf(changelog, '1.2.0')).toBe('See [#7].\n\n[#7]: https://example.org/7');
  expect(sectionOf(changelog, '1.1.0')).toBe('Old.');
});

test('a version that has no heading has no section: neither a later one that begins with it, nor "Unreleased"', () => {
  const changelog = '## Unreleased\n\nSoon.\n\n## 1.2.0-beta.1\n\nTry.\n\n## 1.2.01\n';
  expect(sectionOf(changelog, '1.2.0')).toBeUndefined();
  expect(sectionOf(changelog, '1.2.0-beta.1')).toBe('Try.');
});
