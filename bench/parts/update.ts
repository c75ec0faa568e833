import { appendFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Bench, environment, type Part } from '../bench.ts';
import { checkUse } from '../check.ts';
import { findTool } from '../machine.ts';
import type { Command, Cost } from '../measure.ts';
import type { BarGroup } from '../plots.ts';
import { npmInstall, type Program } from '../programs.ts';
import { type FolderServer, type Sent, sarma, serveFolder } from '../publishing.ts';
import { COST_COLUMNS, megabytes, type Section, showCost, showRatio } from '../report.ts';
import { wrap } from '../sarma.ts';
import { ratioOf } from '../statistics.ts';

/** A program, and how its first version differs from it. */
interface Case {
  readonly name: string;
  readonly program: 'hello' | 'prettier';
  readonly makeFirst: (project: string) => Promise<void>;
}

const PRETTIER = '3.10.0';

const CASES: readonly Case[] = [
  {
    name: 'hello, another line',
    program: 'hello',
    makeFirst: (project) => appendFile(path.join(project, 'main.js'), '// The first version.\n'),
  },
  {
    name: `prettier ${PRETTIER} to the next version`,
    program: 'prettier',
    makeFirst: async (project) => {
      const file = path.join(project, 'package.json');
      const manifest = JSON.parse(await readFile(file, 'utf8'));
      manifest.dependencies.prettier = PRETTIER;
      await writeFile(file, JSON.stringify(manifest));
      await npmInstall(project);
    },
  },
];

const OWN = process.versions.node;
/** The first version has the Node of the bench; this is the one before, of the same line. */
const EARLIER = `<${OWN} >=${OWN.split('.')[0]}`;

const FIRST = '1.0.0';
const SAME_NODE = '1.1.0';
const OTHER_NODE = '1.2.0';

/** What an executable that updates itself moves and takes, against a download of the whole file. */
export const update: Part = {
  name: 'update',
  run: async (bench): Promise<Section> => {
    const rows: string[][] = [];
    const groups: BarGroup[] = [];
    for (const one of CASES) {
      try {
        const moves = await compare(bench, one);
        rows.push(...moves.map((move) => showRow(one.name, move, moves.at(-1)!)));
        const bars = moves.map(({ cost, bytes }) => ({ name: cost.name, value: bytes / 1e6 }));
        groups.push({ name: one.name, bars });
      } catch (error) {
        rows.push([one.name, bench.fail(error)]);
      }
    }
    return {
      title: 'Updates',
      blocks: [
        '`maintenance update` of a program that has run before, from a server on the loopback interface, which counts what it ' +
          'sends, headers included. `curl` downloads the whole file of the version with the same Node from there, and does no more; ' +
          'the update starts Node, checks signature and hashes, and that the new version starts. All are run in turns. Where the ' +
          `network is slower than loopback, the bytes decide. The executables are \`balanced\`; the other Node is the one before ${OWN} ` +
          'of the same line. Medians (minimum in brackets). Aim: with the same Node less than a tenth of a small program’s bytes.',
        { columns: COLUMNS, rows },
      ],
      plots: [
        {
          kind: 'bars',
          name: 'update',
          title: 'What an update moves',
          axis: 'MB sent by the server (less is better)',
          groups,
        },
      ],
    };
  },
};

const COLUMNS = [
  'program',
  '',
  'sent, MB',
  'bytes / download',
  'requests',
  ...COST_COLUMNS,
  'wall / download',
];

interface Move extends Sent {
  readonly cost: Cost;
}

function showRow(name: string, { cost, bytes, requests }: Move, whole: Move): string[] {
  return [
    name,
    cost.name,
    megabytes(bytes),
    (bytes / whole.bytes).toFixed(3),
    String(requests),
    ...showCost(cost),
    showRatio(ratioOf(cost.runs.wall, whole.cost.runs.wall)),
  ];
}

/** The updates, and the download at the end. */
async function compare(bench: Bench, one: Case): Promise<readonly Move[]> {
  const place = path.join(bench.disk, one.program);
  const folder = path.join(place, 'www');
  await mkdir(folder, { recursive: true });
  const server = await serveFolder(folder);
  try {
    const program = await bench.program(one.program);
    const versions = await publishVersions(program, one, place, server.address);
    // Installs it, too.
    await checkUse(bench, program, program.uses[0]!, versions.first, usedHome(place));
    const ways = [
      updateTo(versions, SAME_NODE, 'update, same Node', place),
      updateTo(versions, OTHER_NODE, 'update, other Node', place),
      await download(versions, server.address, place),
    ];
    const sent: Sent[] = [];
    for (const way of ways) sent.push(await sentFor(bench, server, way));
    const costs = await bench.measure(
      ways.map(({ command }) => command),
      { ...bench.rounds(20, 15), warmups: 0 },
    );
    return costs.map((cost, index) => ({ cost, ...sent[index]! }));
  } finally {
    server.close();
    await rm(place, { recursive: true });
  }
}

interface Versions {
  /** The executable of the first one. */
  readonly first: string;
  /** Version → the executable that lies on the server. */
  readonly published: Readonly<Record<string, string>>;
}

/** Makes the versions of a program, and publishes those after the first. */
async function publishVersions(
  program: Program,
  { makeFirst }: Case,
  place: string,
  address: string,
): Promise<Versions> {
  const key = path.join(place, 'release.key');
  await sarma(['keygen', key]);
  const config = {
    entry: program.entry,
    publish: { url: address },
    update: { publicKey: path.join(place, 'release.pub') },
  };
  const made = async (version: string, runtime: string, change = async (_project: string) => {}) => {
    const project = path.join(place, version);
    await cp(program.project, project, { recursive: true });
    await change(project);
    const manifest = JSON.parse(await readFile(path.join(project, 'package.json'), 'utf8'));
    await writeFile(path.join(project, 'package.json'), JSON.stringify({ ...manifest, version }));
    await writeFile(path.join(project, 'sarma.config.json'), JSON.stringify(config));
    const out = path.join(project, 'burrito_out/');
    const [file] = await wrap({ ...program, project }, { compression: 'balanced', runtime, out });
    return { project, file: file! };
  };
  const first = await made(FIRST, OWN, makeFirst);
  const published: Record<string, string> = {};
  for (const [version, runtime] of [
    [SAME_NODE, OWN],
    [OTHER_NODE, EARLIER],
  ] as const) {
    const { project, file } = await made(version, runtime);
    const folder = path.join(place, 'www');
    await sarma(['publish', project, '--to', folder, '--quiet'], { SARMA_SIGNING_KEY: key });
    published[version] = path.join(folder, version, path.basename(file));
  }
  return { first: first.file, published };
}

/** The home of a user who has run the first version. */
const usedHome = (place: string) => path.join(place, 'used');
const home = (place: string) => path.join(place, 'home');
const installed = (place: string) => path.join(place, 'bin/program');

/** A command, the file that it leaves, and the one on the server that this has to be. */
interface Way {
  readonly command: Command;
  readonly result: string;
  readonly published: string;
}

function updateTo({ first, published }: Versions, version: string, name: string, place: string): Way {
  const anew = 'rm -rf "$2" && cp -a "$1" "$2" && mkdir -p "$(dirname "$3")" && cp "$0" "$3"';
  return {
    command: {
      name,
      argv: [installed(place), 'maintenance', 'update', '--version', version],
      env: environment(home(place)),
      directory: place,
      prepare: ['/bin/sh', '-c', anew, first, usedHome(place), home(place), installed(place)],
    },
    result: installed(place),
    published: published[version]!,
  };
}

async function download({ published }: Versions, address: string, place: string): Promise<Way> {
  const file = published[SAME_NODE]!;
  const result = path.join(place, 'download');
  const url = `${address}${SAME_NODE}/${path.basename(file)}`;
  return {
    command: {
      name: 'download',
      argv: [await findTool('curl'), '-fsS', '-o', result, url],
      env: environment(home(place)),
      directory: place,
      prepare: ['/bin/rm', '-f', result],
    },
    result,
    published: file,
  };
}

/** What the server sends for one run, which has to leave the very file that is published. */
async function sentFor(
  bench: Bench,
  server: FolderServer,
  { command, result, published }: Way,
): Promise<Sent> {
  server.take();
  await bench.measure([command], { most: 1, least: 1, seconds: 0, warmups: 0 });
  const sent = server.take();
  if (!(await readFile(result)).equals(await readFile(published)))
    throw new Error(`${command.name} leaves another file than the one that is published`);
  return sent;
}
