import path from 'node:path';
import type { BootFile } from '../../src/boot-file.ts';
import { claimNode } from '../../src/control/claim.ts';
import { readEnvironment } from '../../src/environment.ts';

// A process that claims the node `demo` in the state directory that it is given, whenever it is told to.

const directory = process.argv[2]!;
const boot = { name: 'demo', version: '0.1.0', configuration: { sys: '' } } as unknown as BootFile;
const environment = readEnvironment(path.dirname(directory), boot, ['start'], {
  RELEASE_MUTABLE_DIR: directory,
});

console.log('loaded');
process.stdin.on('data', async () => {
  try {
    await claimNode(boot, environment);
    console.log('won');
  } catch (error) {
    console.log((error as { code?: string }).code ?? error);
  }
});
