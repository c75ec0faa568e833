import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readVmArgs } from '../../release/src/scripts/vm-args.ts';
import { aliases, resolveAlias } from '../src/alias.ts';
import { builtins } from '../src/builtin.ts';
import { parseVmArgs } from '../src/vm-args.ts';
import cases from './support/vm-args-cases.json' with { type: 'json' };

// A vm.args is read by the build, which refuses what Node would misunderstand, by bin/<name> where there is a shell,
// by the launcher where there is none, and by the boot where nothing stood before it.

interface Case {
  readonly what: string;
  readonly text: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** By the build. */
  readonly refused?: true;
}

const root = mkdtempSync(path.join(tmpdir(), 'vm-args-'));
afterAll(() => rm(root, { recursive: true }));

const directory = path.join(root, 'releases/1.0.0');
const boot = path.join(directory, 'boot.cjs');
const runtime = 'runtime-24.0.0/bin/node';

/** A release whose runtime prints what it is given. */
function prepare(): void {
  const binSh = readFileSync(new URL('../../release/src/scripts/bin.sh', import.meta.url), 'utf8');
  const files = {
    'bin/demo': binSh.replaceAll(/@(program|release)@/g, 'demo').replaceAll('@kind@', 'service'),
    'releases/start.json': JSON.stringify({ version: '1.0.0', runtime }),
    'releases/1.0.0/release.json': JSON.stringify({ nodeLine: 24, entries: {} }),
    'releases/1.0.0/boot.cjs': '',
    'releases/1.0.0/remote.vm.args': '--remote\n',
    [runtime]: '#!/bin/sh\nfor argument do printf \'%s\\0\' "$argument"; done\n',
  };
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
}

/** What Node gets before the boot's file. */
function shellArgs(word: string, text: string, env: Readonly<Record<string, string>> = {}) {
  writeFileSync(path.join(directory, 'vm.args'), text);
  const printed = execFileSync('/bin/sh', [path.join(root, 'bin/demo'), word], { env, encoding: 'utf8' });
  const all = printed.split('\0').slice(0, -1);
  expect(all.slice(all.indexOf(boot))).toEqual([boot, word]);
  return all.slice(0, all.indexOf(boot));
}

describe.skipIf(process.platform === 'win32')('a vm.args means the same to everyone who reads it', () => {
  prepare();

  test.each(cases as readonly Case[])('$what', ({ text, env = {}, args, refused }) => {
    expect(parseVmArgs(text, env).args).toEqual(args);
    expect(shellArgs('start', text, env)).toEqual(args);
    // Where variables are replaced is not known to the build.
    if (refused) expect(() => readVmArgs(text, 'vm.args')).toThrow('vm.args:');
    else expect(readVmArgs(text, 'vm.args')).toEqual(parseVmArgs(text, {}).args);
  });

  test.each([...builtins.map(({ name }) => name), ...Object.keys(aliases)])(
    'the command %s has the arguments of a node if it starts one, else those of what talks to it',
    (word) => {
      const starts = ['start', 'start_repl', 'daemon'].includes(resolveAlias([word], [])[0]);
      expect(shellArgs(word, '--own\n')).toEqual([starts ? '--own' : '--remote']);
    },
  );
});
