import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { BootFile } from '../boot-file.ts';
import { type Finding, ok, type Patient, problem } from './finding.ts';

/** The runtime that runs this. Another line than the release's has been refused before anything else. */
export function examineRuntime({ boot }: Patient): Finding[] {
  const { node, modules } = process.versions;
  const wanted = boot.nodeLine === null ? 'any will do' : `made for ${boot.nodeLine}`;
  return [
    ok(
      'runtime',
      `Node ${node} (${wanted}, ABI ${modules}), ${process.platform}-${process.arch}, ${process.execPath}`,
    ),
  ];
}

/** Whether what boot.json names is there, and how much the release weighs. */
export function examineRelease({
  boot,
  environment: { root, version, mutableDirectory },
}: Patient): Finding[] {
  const missing = modulesOf(boot).filter((module) => !existsSync(path.resolve(root, module)));
  const { files, bytes } = weigh(root, mutableDirectory);
  const findings = missing.map((module) =>
    problem('release', `${path.resolve(root, module)} is missing. Copy the whole release again.`),
  );
  if (findings.length > 0) return findings;
  return [ok('release', `${boot.name} ${version} in ${root}: ${files} files, ${megabytes(bytes)}`)];
}

function modulesOf({ applications, configuration, commands, hooks, programs }: BootFile): readonly string[] {
  return [
    ...applications.flatMap(({ module }) => module ?? []),
    ...configuration.providers.map(({ module }) => module),
    ...(configuration.runtime === null ? [] : [configuration.runtime]),
    ...commands.map(({ module }) => module),
    ...Object.values(hooks).flat(),
    ...Object.values(programs),
  ];
}

/** Without the state directory, which lies inside a release that is a plain directory. */
function weigh(root: string, without: string): { readonly files: number; readonly bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    const file = path.join(root, entry.name);
    if (file === without) continue;
    if (entry.isDirectory()) {
      const inner = weigh(file, without);
      files += inner.files;
      bytes += inner.bytes;
    } else if (entry.isFile()) {
      files += 1;
      bytes += statSync(file).size;
    }
  }
  return { files, bytes };
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
