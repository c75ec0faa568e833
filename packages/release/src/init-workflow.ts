import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Project } from './definition/project.ts';
import { packageManager } from './installation.ts';
import type { ReleaseKind } from './release.ts';

/** A GitHub workflow. */
export interface Workflow {
  /** Its absolute path. */
  readonly file: string;
  readonly text: string;
  /** What has to be done before it runs: lines. */
  readonly advice: string;
}

/**
 * The workflow that builds, tries and publishes a project when a tag is pushed, where GitHub looks for it: in the
 * repository that the project lies in.
 */
export function releaseWorkflow(project: Project, kind: ReleaseKind): Workflow {
  const { directory, manifest } = project;
  const repository = repositoryOf(directory) ?? directory;
  const { install, run, add } = COMMANDS[packageManager(directory)];
  const lines: Readonly<Record<string, string>> = {
    install: `      - run: ${install}\n`,
    sarma: `      - name: Find the Sarma of the lock file
        run: |
          ${run} sarma --version || { echo "::error::Sarma is not installed. Add it to the devDependencies: ${add}"; exit 1; }\n`,
    build: manifest.scripts?.build === undefined ? '' : '      - run: npm run build\n',
  };
  const words: Readonly<Record<string, string>> = {
    folder: JSON.stringify(path.relative(repository, directory).replaceAll(path.sep, '/') || '.').slice(
      1,
      -1,
    ),
    smoke: kind === 'service' ? 'version' : '--version',
  };
  const text = readFileSync(path.join(import.meta.dirname, 'templates/github/release.yml'), 'utf8')
    .replaceAll(/^ *# @(install|sarma|build)@\n/gm, (_, name: string) => lines[name]!)
    .replaceAll(/@(folder|smoke)@/g, (_, name: string) => words[name]!)
    .replaceAll(COMMANDS.npm.run, run);
  const file = path.join(repository, '.github/workflows/release.yml');
  return { file, text, advice: adviceFor(project) };
}

/** What the lock file says, and nothing newer: whoever runs in a workflow may get its keys. */
const COMMANDS = {
  npm: { install: 'npm ci', run: 'npx --no-install', add: 'npm install --save-dev sarma' },
  pnpm: {
    install: 'corepack enable && pnpm install --frozen-lockfile',
    run: 'pnpm exec',
    add: 'pnpm add --save-dev sarma',
  },
  yarn: {
    install: 'corepack enable && yarn install --frozen-lockfile',
    run: 'yarn run',
    add: 'yarn add --dev sarma',
  },
  bun: {
    install: 'npx --yes bun@1 install --frozen-lockfile',
    run: 'npx --no-install',
    add: 'bun add --dev sarma',
  },
} as const satisfies Record<ReturnType<typeof packageManager>, object>;

function adviceFor({ directory, manifest }: Project): string {
  const { dependencies, devDependencies } = manifest;
  const { add } = COMMANDS[packageManager(directory)];
  const missing = `The workflow runs the Sarma of the project, which is not among its devDependencies yet: ${add}`;
  return [
    ...({ ...dependencies, ...devDependencies }.sarma === undefined ? [missing] : []),
    'For versions that are signed and update themselves: publish.github and update.publicKey in the configuration, and the key as a secret: gh secret set SARMA_SIGNING_KEY < release.key (`sarma keygen` makes it).',
  ].join('\n');
}

function repositoryOf(directory: string): string | undefined {
  if (existsSync(path.join(directory, '.git'))) return directory;
  const above = path.dirname(directory);
  return above === directory ? undefined : repositoryOf(above);
}
