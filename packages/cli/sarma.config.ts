// Sarma as Sarma makes it: `npm run build:packages && npm run sarma -- wrap -w sarma` at the root of the repository.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'sarma';

const repository = process.env.GITHUB_REPOSITORY;
const hasKey = existsSync(path.join(import.meta.dirname, 'release.pub'));

export default defineConfig({
  // `wrap` is `sarma wrap`; a second executable would be the same 37 MB once more.
  bin: 'sarma',
  // What tar-stream needs where it does not run on Node.
  excludePackages: ['bare-fs'],
  // A copy of the program that lies in @esbuild/<target>, of the machine that builds.
  strip: { also: ['esbuild/bin'] },
  // Made by a workflow, it comes from the releases of that repository, and from there it updates itself, if there is a key.
  ...(repository && { publish: { github: repository, changelog: '../../CHANGELOG.md' } }),
  ...(repository && hasKey && { update: { publicKey: 'release.pub' } }),
});
