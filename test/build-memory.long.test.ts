// However large a project is, building it takes the same memory (how much it is at other compressions: docs/decisions/0030): what is read, compressed and written passes through in pieces.
import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { runCommand, temporaryDirectory } from './support/run.ts';

/** Prints the most memory that the command line ever had, in KiB, as the last line of stderr. */
const TELLS = "process.on('exit', () => console.error('\\n' + process.resourceUsage().maxRSS));";

test.skipIf(process.platform !== 'linux')(
  'a project with a file of 1.2 GB and 20,000 others is built with less than 500 MB of memory at --compression fast',
  { timeout: 600_000 },
  async () => {
    const project = await temporaryDirectory();
    const at = (name: string) => path.join(project, name);
    await writeFile(at('package.json'), JSON.stringify({ name: 'large', version: '1.0.0', bin: 'main.js' }));
    await writeFile(at('main.js'), "console.log(require('fs').statSync(__dirname + '/large.bin').size);\n");
    // Of the same bytes every time, and few when compressed: they stay in the build cache.
    const block = Buffer.alloc(1_000_000, 'some text or other, ');
    const large = await open(at('large.bin'), 'w');
    for (let megabyte = 0; megabyte < 1200; megabyte++) {
      block.writeUInt32LE(megabyte);
      await large.write(block);
    }
    await large.close();
    for (let folder = 0; folder < 200; folder++) {
      await mkdir(at(`data/${folder}`), { recursive: true });
      for (let file = 0; file < 100; file++)
        await writeFile(at(`data/${folder}/${file}.json`), `[${folder}]`);
    }
    const teller = path.join(await temporaryDirectory(), 'tells.cjs');
    await writeFile(teller, TELLS);
    const built = await runCommand(['wrap', '--current', '--compression', 'fast', '-o', at('out/')], {
      cwd: project,
      env: { NODE_OPTIONS: `--require ${teller}` },
      timeout: 500_000,
    });
    expect(built.exitCode, built.stderr).toBe(0);
    expect(Number(built.stderr.trim().split('\n').at(-1)) * 1024).toBeLessThan(500_000_000);
    expect(Number(built.stderr.trim().split('\n').at(-1)) * 1024).toBeGreaterThan(50_000_000);
  },
);
