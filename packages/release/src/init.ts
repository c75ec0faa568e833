import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findConfigFile } from './definition/config-file.ts';
import { derivedName } from './definition/names.ts';
import { choosePrograms, packageName } from './definition/programs.ts';
import { type Project, readProject } from './definition/project.ts';
import { ReleaseError } from './error.ts';
import { releaseWorkflow } from './init-workflow.ts';
import { type Manifest, programs, unscoped } from './package-json.ts';
import type { ReleaseKind } from './release.ts';
import { moduleNames } from './sources/package.ts';
import { isFile } from './tree.ts';
import { readWorkspaces } from './workspaces.ts';

export interface InitOptions {
  /** Name or folder of the workspace, seen from the workspace root. */
  readonly workspace?: string | undefined;
  /** Replaces files that are there. */
  readonly force?: boolean | undefined;
  /** Writes a workflow for GitHub's runners, too, that publishes a release. */
  readonly githubActions?: boolean | undefined;
}

/** What became of a file: an absolute path. */
export interface InitResult {
  readonly file: string;
  /** `left`: something is there already; `added`: lines were added to it. */
  readonly outcome: 'written' | 'replaced' | 'left' | 'added';
  /** What has to be done before it is of use: lines. */
  readonly advice?: string | undefined;
}

/** What could be found out about a project. */
export interface ProjectFacts {
  /** The release's name. */
  readonly name: string;
  readonly kind: ReleaseKind;
  /** Packages with a lifecycle module. */
  readonly applications: readonly string[];
  /** Programs that have to be named, since the choice is not clear without. */
  readonly programs: readonly string[];
  /** The package that the version is from, where the project has none. */
  readonly versionFrom: string | undefined;
  /** Whether the project can import `@sarma/app`. */
  readonly importsApp: boolean;
  /** Whether there is a `config/config` or `config/runtime` that has nothing to do with Sarma. */
  readonly otherConfig: boolean;
}

/** A file that `sarma init` makes: its path relative to the project, with `/`. */
export interface InitFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Writes a configuration and the templates of `rel/` into a project, and lines into its `.gitignore`; what is there
 * stays, unless `force` says otherwise. Throws ReleaseError for what is no project, or a workspace root that has no
 * application and no program.
 */
export async function writeInit(given: string, options: InitOptions = {}): Promise<readonly InitResult[]> {
  const project = await readProject({ project: given, workspace: options.workspace }).catch(
    (error: unknown) => {
      throw error instanceof ReleaseError && error.code === 'NO_PACKAGE_JSON' ? noProject(given) : error;
    },
  );
  const configured = findConfigFile(project);
  const facts = await readFacts(project);
  const results: InitResult[] = [];
  for (const { path: name, text } of initFiles(facts)) {
    // A second configuration would be an error.
    const file = path.join(project.directory, name);
    const other = name === CONFIG && configured !== undefined && configured !== file;
    if (other) results.push({ file: configured, outcome: 'left' });
    else results.push(await writeFileOnce(file, text, options.force ?? false));
  }
  if (options.githubActions) {
    const { file, text, advice } = releaseWorkflow(project, facts.kind);
    results.push({ ...(await writeFileOnce(file, text, options.force ?? false)), advice });
  }
  const ignored = await addIgnored(path.join(project.directory, '.gitignore'));
  return ignored === undefined ? results : [...results, ignored];
}

const CONFIG = 'sarma.config.ts';

/** What could be wrapped without a `package.json`, a single file, has nothing to be set up. */
function noProject(given: string): ReleaseError {
  return new ReleaseError(
    'NO_PACKAGE_JSON',
    `There is no package.json in ${path.resolve(given)}. Make one first (npm init), or name a project: sarma init DIR`,
  );
}

async function readFacts(project: Project): Promise<ProjectFacts> {
  const { directory, manifest } = project;
  const workspaces = await readWorkspaces(directory, manifest);
  const manifests = [manifest, ...workspaces.map((one) => one.manifest)];
  const applications = manifests
    .filter((one) => one.sarma?.application !== undefined)
    .map(({ name }) => name)
    .filter((name) => name !== undefined);
  const kind = applications.length > 0 ? 'service' : 'cli';
  if (kind === 'cli') await requireProgram(project);
  const found = kind === 'cli' ? Object.keys(programs(manifest)) : [];
  const name = found.length === 1 ? derivedName(found[0]!) : packageName(project);
  const isClear = found.length <= 1 || found.some((one) => one === unscoped(manifest.name ?? ''));
  const configs = ['config/config', 'config/runtime'].flatMap(moduleNames);
  return {
    name,
    kind,
    applications,
    programs: isClear ? [] : found,
    versionFrom: manifest.version === undefined ? topmost(applications, manifests) : undefined,
    importsApp: hasApp(manifest),
    otherConfig:
      kind === 'cli' && !hasApp(manifest) && configs.some((one) => isFile(path.join(directory, one))),
  };
}

/** The first that no other package needs: it is what the release is for. */
function topmost(applications: readonly string[], manifests: readonly Manifest[]): string | undefined {
  const isNeeded = (name: string): boolean =>
    manifests.some(({ dependencies = {} }) => dependencies[name] !== undefined);
  return applications.find((name) => !isNeeded(name)) ?? applications[0];
}

function hasApp({ dependencies = {} }: Manifest): boolean {
  return dependencies['@sarma/app'] !== undefined;
}

/** A root whose workspaces are the programs is no release. What is only not built yet is none of init's business. */
async function requireProgram(project: Project): Promise<void> {
  try {
    await choosePrograms({ entry: undefined, bin: undefined }, project, undefined);
  } catch (error) {
    if (!(error instanceof ReleaseError) || error.code === 'WORKSPACE_ROOT') throw error;
  }
}

/** The files for a project, in the order in which they are worth reading. */
function initFiles(facts: ProjectFacts): readonly InitFile[] {
  const service = facts.kind === 'service';
  const templates = ['vm.args', ...(service ? ['remote.vm.args'] : []), 'env.sh', 'env.bat'];
  return [
    { path: CONFIG, text: configText(facts) },
    ...(service ? configurationFiles(facts) : []),
    ...templates.map((name) => ({ path: `rel/${name}`, text: template(name) })),
  ];
}

function template(name: string): string {
  return readFileSync(path.join(import.meta.dirname, 'templates', 'rel', name), 'utf8');
}

function configText(facts: ProjectFacts): string {
  const { name, kind, applications, programs, versionFrom, otherConfig } = facts;
  const modes = applications.map((one) => `${key(one)}: 'permanent'`).join(', ');
  const lines = [
    ...(versionFrom === undefined ? [] : [`version: { from: ${text(versionFrom)} },`]),
    ...(kind === 'cli'
      ? []
      : [
          '// What starts with the release, and what its end means: permanent, transient, temporary, load, none.',
          `applications: { ${modes} },`,
        ]),
    ...(programs.length === 0 ? [] : [`bin: [${programs.map(text).join(', ')}],`]),
    ...(otherConfig
      ? ['// What is in config/ is the program’s own.', 'buildConfig: false,', 'runtimeConfig: false,']
      : []),
    "// 'tar' behind 'assemble' makes an archive too; a function (release) => release may stand anywhere.",
    "steps: ['assemble', 'wrap'],",
    '// Left out: this machine. `sarma targets` lists them.',
    "// targets: ['linux-x64', 'darwin-arm64', 'win-x64'],",
  ];
  return `import { defineConfig } from 'sarma';

export default defineConfig({
  releases: {
    ${key(name)}: {
${lines.map((line) => `      ${line}\n`).join('')}    },
  },
});
`;
}

function configurationFiles({ applications, importsApp }: ProjectFacts): readonly InitFile[] {
  const keys = applications.map((one) => `  ${key(one)}: {\n    // @example@\n  },\n`).join('');
  const module = (comment: string, example: string): string => {
    const value = `{\n${keys.replace('@example@', example).replaceAll('    // @example@\n', '')}}`;
    const code = importsApp
      ? `import { defineConfiguration } from '@sarma/app';\n\nexport default defineConfiguration(${value});\n`
      : `export default ${value};\n`;
    return `${comment}\n${code}`;
  };
  return [
    {
      path: 'config/config.ts',
      text: module(
        `// Evaluated when the release is assembled: application → key → value. config/<environment>.ts is merged over it.
// process.env would be that of the machine that builds: what the host decides is env('PORT', 'integer', 4000) from
// @sarma/app, read at every start.`,
        "port: env('PORT', 'integer', 4000),",
      ),
    },
    {
      path: 'config/runtime.ts',
      text: module(
        `// Evaluated at every start, before any application is imported, and merged over config/config.ts. It may be a
// function too, of { environment, configuration, release, env }.`,
        'secret: process.env.SECRET,',
      ),
    },
  ];
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : text(name);
}

function text(value: string): string {
  return `'${value.replaceAll(/[\\']/g, '\\$&')}'`;
}

async function writeFileOnce(file: string, content: string, force: boolean): Promise<InitResult> {
  await mkdir(path.dirname(file), { recursive: true });
  try {
    await writeFile(file, content, { flag: 'wx' });
    return { file, outcome: 'written' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (!force) return { file, outcome: 'left' };
  await writeFile(file, content);
  return { file, outcome: 'replaced' };
}

/** Undefined when nothing had to be added. */
async function addIgnored(file: string): Promise<InitResult | undefined> {
  const there = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const lines = (there ?? '').split(/\r?\n/).map((line) => line.trim().replaceAll(/^\/|\/$/g, ''));
  const missing = ['node_modules/', '_build/', 'burrito_out/'].filter(
    (line) => !lines.includes(line.slice(0, -1)),
  );
  if (missing.length === 0) return undefined;
  const before = there === undefined || there === '' || there.endsWith('\n') ? (there ?? '') : `${there}\n`;
  await writeFile(file, `${before}${missing.map((line) => `${line}\n`).join('')}`);
  return { file, outcome: there === undefined ? 'written' : 'added' };
}
