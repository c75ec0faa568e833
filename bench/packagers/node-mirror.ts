import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { NODE } from '../bench.ts';

export interface NodeMirror {
  readonly address: string;
  readonly close: () => void;
}

/**
 * Serves the Node that runs the bench on the loopback interface, laid out like nodejs.org/dist, to tools that take
 * Node from there only. Needs `xz`.
 */
export async function openNodeMirror(scratch: string): Promise<NodeMirror> {
  const files = await mirrorFiles(scratch);
  const server = createServer((request, response) => {
    const content = files.get(request.url ?? '');
    if (content === undefined) response.statusCode = 404;
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}`, close: () => server.close() };
}

async function mirrorFiles(scratch: string): Promise<ReadonlyMap<string, string | Buffer>> {
  const { version } = process;
  const name = `node-${version}-${process.platform}-${process.arch}`;
  const folder = path.join(scratch, name);
  await mkdir(path.join(folder, 'bin'), { recursive: true });
  await cp(NODE, path.join(folder, 'bin/node'));
  await writeFile(path.join(folder, 'LICENSE'), 'https://github.com/nodejs/node/blob/main/LICENSE\n');
  const archive = path.join(scratch, `${name}.tar.xz`);
  const env = { ...process.env, XZ_OPT: '-0 -T0' };
  await promisify(execFile)('tar', ['-cJf', archive, '-C', scratch, name], { env });
  const content = await readFile(archive);
  const digest = createHash('sha256').update(content).digest('hex');
  const release = { version, date: '2026-01-01', files: [`${process.platform}-${process.arch}`], lts: false };
  return new Map<string, string | Buffer>([
    ['/index.json', JSON.stringify([release])],
    [`/${version}/SHASUMS256.txt`, `${digest}  ${name}.tar.xz\n`],
    [`/${version}/${name}.tar.xz`, content],
  ]);
}
