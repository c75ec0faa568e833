import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { installScripts } from '../packages/publish/src/installers/scripts.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory } from './support/run.ts';

const SCRIPT = installScripts({
  release: { name: 'my-hello' },
  programs: ['helloctl', 'my-hello'],
  place: { versions: "https://example.org/it's/{version}/", latest: "https://example.org/it's/latest.json" },
  publicKeys: ['RWone', 'RWtwo'],
  updates: true,
})['install.ps1']!;

test('install.ps1 is read alike by every PowerShell, whatever the code page of the machine', () => {
  expect(SCRIPT).toMatch(/^[\n\x20-\x7e]+$/);
});

test('install.ps1 knows the release, its programs, where they lie and by whom they are signed', () => {
  const settings = / {2}\$name = [\s\S]*?\$updates = .*/
    .exec(SCRIPT)![0]
    .split('\n')
    .filter((line) => line.includes(' = '));
  expect(settings.map((line) => line.trim())).toEqual([
    "$name = 'my-hello'",
    "$programs = 'my-hello helloctl'",
    "$versions = 'https://example.org/it''s/{version}/'",
    "$latest = 'https://example.org/it''s/latest.json'",
    "$keys = 'RWone RWtwo'",
    "$service = 'no'",
    "$updates = 'yes'",
  ]);
  expect(SCRIPT).toContain('[string]$Version = $env:MY_HELLO_VERSION');
  expect(SCRIPT).not.toMatch(/@\w+@/);
});

test.skipIf(lacks('pwsh'))('install.ps1 is a script that PowerShell can read', async () => {
  const file = path.join(await temporaryDirectory(), 'install.ps1');
  await writeFile(file, SCRIPT);
  const parse = `$e = $null; [void][Management.Automation.Language.Parser]::ParseFile('${file}', [ref]$null, [ref]$e); $e`;
  expect(await run('pwsh', ['-NoProfile', '-Command', parse])).toMatchObject({ stdout: '', exitCode: 0 });
});
