import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { BootFile } from '../../src/boot-file.ts';
import { ask } from '../../src/control/client.ts';
import { FORMAT } from '../../src/control/request.ts';
import { readEnvironment } from '../../src/environment.ts';

// What the command `upgrade` does once the other version is in its place, in a process that may be killed.

const [root, variables, next] = process.argv.slice(2) as [string, string, string];
const boot = JSON.parse(readFileSync(path.join(root, 'releases/0.1.0/boot.json'), 'utf8')) as BootFile;
const environment = readEnvironment(root, boot, ['upgrade'], JSON.parse(variables));
const program = { file: process.execPath, args: [path.join(next, 'releases/0.2.0/boot.cjs')], env: {} };
const request = {
  format: FORMAT,
  version: '0.2.0',
  program,
  isPermanent: false,
  isNow: false,
  timeout: 20_000,
};
console.log('asked');
await ask(boot, environment, 'upgrade', request, ({ progress }) => console.log(progress));
