import {
  addressOf,
  descriptionOf,
  digestOf,
  executableFor,
  homepageOf,
  type PackagedVersion,
  programsOf,
} from './packaged.ts';

/** Homebrew's words for a system and a CPU, and the targets that fit, the best one first. */
const PLACES = [
  ['on_macos', 'on_arm', ['darwin-arm64', 'darwin-universal']],
  ['on_macos', 'on_intel', ['darwin-x64', 'darwin-universal']],
  ['on_linux', 'on_arm', ['linux-arm64']],
  ['on_linux', 'on_intel', ['linux-x64']],
] as const;

/** A formula (https://docs.brew.sh/Formula-Cookbook); undefined where nothing is published for what Homebrew runs on. */
export function homebrewFormula(version: PackagedVersion): string | undefined {
  const { name, about } = version.release;
  const [main, ...others] = programsOf(version);
  const systems = ['on_macos', 'on_linux'].flatMap((system) => {
    const cpus = PLACES.filter(([one]) => one === system).flatMap(([, cpu, targets]) => {
      const target = targets.find((one) => executableFor(version, main!, one));
      if (target === undefined) return [];
      return [`    ${cpu} do`, ...sources(version, main!, others, target), '    end'];
    });
    return cpus.length === 0 ? [] : [`  ${system} do`, ...cpus, '  end', ''];
  });
  if (systems.length === 0) return undefined;
  const lines = [
    `class ${className(name)} < Formula`,
    `  desc ${quoted(descriptionOf(version).replace(/\.$/, ''))}`,
    `  homepage ${quoted(homepageOf(version))}`,
    `  version ${quoted(version.release.version)}`,
    ...(about.license === undefined ? [] : [`  license ${license(about.license)}`]),
    '',
    ...systems,
    '  def install',
    `    bin.install ${quoted(main!)}`,
    ...others.map((program) => `    resource(${quoted(program)}).stage { bin.install ${quoted(program)} }`),
    '  end',
    '',
    '  test do',
    `    assert_match version.to_s, shell_output("SARMA_MAINTENANCE=meta #{bin}/${main}")`,
    '  end',
    'end',
  ];
  return `${lines.join('\n')}\n`;
}

/** Archives, in which programs have their own names; the others are resources of the main one. */
function sources(
  version: PackagedVersion,
  main: string,
  others: readonly string[],
  target: string,
): string[] {
  const source = (program: string, indent: string) => {
    const file = `${program}_${target}.tar.gz`;
    return [
      `${indent}url ${quoted(addressOf(version, file))}`,
      `${indent}sha256 ${quoted(digestOf(version, file))}`,
    ];
  };
  return [
    ...source(main, '      '),
    ...others.flatMap((program) => [
      `      resource ${quoted(program)} do`,
      ...source(program, '        '),
      '      end',
    ]),
  ];
}

/** As Homebrew derives it from the formula's file. */
function className(name: string): string {
  const capitalized = `${name.charAt(0).toUpperCase()}${name.slice(1).toLowerCase()}`;
  return capitalized
    .replaceAll(/[-_.\s]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    .replaceAll('+', 'x');
}

/** Of an SPDX expression. */
function license(spdx: string): string {
  const isName = (text: string) => /^[\w.+-]+$/.test(text) && text !== 'UNLICENSED';
  if (isName(spdx)) return quoted(spdx);
  const [, ...inside] = /^\(?(.*?)\)?$/.exec(spdx)!;
  for (const [word, key] of [
    [' OR ', 'any_of'],
    [' AND ', 'all_of'],
  ] as const) {
    const names = inside[0]!.split(word);
    if (names.length > 1 && names.every(isName)) return `${key}: [${names.map(quoted).join(', ')}]`;
  }
  return ':cannot_represent';
}

/** A text of Ruby: `#` may begin code in it. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('#', '\\#');
}
