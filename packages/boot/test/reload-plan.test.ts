import { describe, expect, test } from 'vitest';
import type { BootApplication, Instruction } from '../src/boot-file.ts';
import { planText } from '../src/commands/reload.ts';
import { type DescribedVersion, planReload } from '../src/reload/plan.ts';
import type { PackageFacts, ReleaseFile } from '../src/reload/release-file.ts';
import { bootOf } from './support/release.ts';

/** A package by its content and what it imports; its place is `lib/<name>`. */
function pack(name: string, digest: string, ...imports: readonly string[]): PackageFacts {
  return {
    ...{ name, version: digest, path: `lib/${name}`, digest },
    dependencies: Object.fromEntries(imports.map((one) => [one, `lib/${one}`])),
  };
}

function version(
  number: string,
  packages: readonly PackageFacts[],
  applications: readonly (Partial<BootApplication> & { readonly name: string })[] = [],
  more: Partial<ReleaseFile> = {},
): DescribedVersion {
  const release = {
    name: 'demo',
    version: number,
    nodeLine: 24,
    packages,
    fixed: { boot: 'b', preload: [] },
    ...more,
  };
  return { release, boot: bootOf(applications, { version: number }), runtime: '24.0.0' };
}

const changed = (before: readonly PackageFacts[], after: readonly PackageFacts[]) =>
  planReload(version('0.1.0', before), version('0.2.0', after)).packages.map(({ name, because }) =>
    because === 'content' ? name : `${name} < ${because.join()}`,
  );

describe('packages that differ', () => {
  test('are those with other files, and all that import them', () => {
    const of = (digest: string) => [
      pack('a', '1', 'b'),
      pack('b', '1', 'c'),
      pack('c', digest),
      pack('d', '1'),
    ];
    expect(changed(of('1'), of('2'))).toEqual(['a < b', 'b < c', 'c']);
  });

  test('are told in circles, too', () => {
    const of = (digest: string) => [
      pack('a', '1', 'b'),
      pack('b', '1', 'a', 'c'),
      pack('c', digest),
      pack('d', '1', 'd'),
    ];
    expect(changed(of('1'), of('1'))).toEqual([]);
    expect(changed(of('1'), of('2'))).toEqual(['a < b', 'b < a,c', 'c']);
  });

  test('are those that lead to another copy of what they import', () => {
    const copies = [pack('x', '1'), { ...pack('x', '2'), path: 'lib/a/node_modules/x' }];
    const a = pack('a', '1', 'x');
    const nested = { ...a, dependencies: { x: 'lib/a/node_modules/x' } };
    expect(changed([a, ...copies], [nested, ...copies])).toEqual(['a < x']);
  });

  test('are none where only the place is another', () => {
    const after = version('0.2.0', [{ ...pack('a', '1', 'b'), path: 'lib/a-2' }, pack('b', '1')]);
    const plan = planReload(version('0.1.0', [pack('a', '1', 'b'), pack('b', '1')]), after);
    expect(plan.packages).toEqual([]);
    expect(plan.same).toEqual({ 'lib/a-2': 'lib/a', 'lib/b': 'lib/b' });
  });

  test('are named when they come and go', () => {
    const { packages } = planReload(version('0.1.0', [pack('a', '1')]), version('0.2.0', [pack('b', '2')]));
    expect(packages.map(({ name, from, to }) => [name, from, to])).toEqual([
      ['b', null, '2'],
      ['a', '1', null],
    ]);
  });
});

describe('applications', () => {
  const application = (name: string, more: Partial<BootApplication> = {}) => ({
    name,
    module: `lib/${name}/application.js`,
    ...more,
  });
  const changes = (before: DescribedVersion, after: DescribedVersion) =>
    planReload(before, after).applications.map(({ name, change }) => `${name} ${change}`);

  test('are reloaded where they or what they import has changed, restarted without codeChange, in their order', () => {
    const of = (number: string, digest: string) =>
      version(
        number,
        [pack('a', digest), pack('b', '1', 'a'), pack('c', '1')],
        [application('a', { codeChange: true }), application('b', { codeChange: false }), application('c')],
      );
    expect(changes(of('0.1.0', '1'), of('0.2.0', '2'))).toEqual(['a reload', 'b restart', 'c none']);
  });

  test('are started and stopped as their modes say', () => {
    const of = (number: string, modes: Readonly<Record<string, BootApplication['mode']>>) =>
      version(
        number,
        Object.keys(modes).map((name) => pack(name, number)),
        Object.entries(modes).map(([name, mode]) => application(name, { mode })),
      );
    const before = of('0.1.0', { a: 'permanent', b: 'load', c: 'permanent', d: 'permanent', e: 'load' });
    const after = of('0.2.0', { a: 'load', b: 'temporary', e: 'load', f: 'transient' });
    expect(changes(before, after)).toEqual(['a stop', 'b start', 'e load', 'f start', 'd stop', 'c stop']);
  });

  test('going down, both versions need codeChange', () => {
    const of = (number: string, codeChange: boolean) =>
      version(number, [pack('a', number)], [application('a', { codeChange })]);
    const [old, now] = [of('0.9.0', false), of('0.10.0', true)];
    expect(changes(old, now)).toEqual(['a reload']);
    expect(changes(now, old)).toEqual(['a restart']);
    expect(changes(now, of('0.8.0', true))).toEqual(['a reload']);
    expect(planReload(now, old).direction).toBe('downgrade');
    expect(planReload(old, now).direction).toBe('upgrade');
  });

  test('without a codeChange are named by --dry-run, since a reload would refuse them', () => {
    const of = (number: string) =>
      version(number, [pack('a', number)], [application('a', { codeChange: false })]);
    const plan = planReload(of('0.1.0'), of('0.2.0'));
    const [first] = planText(plan, { restartChanged: false }).split('\n');
    expect(first).toBe(
      '0.2.0 can be loaded into 0.1.0 with --restart-changed, and without it is refused: a changed without a codeChange.',
    );
    expect(planText(plan, { restartChanged: true })).toMatch(/^0\.2\.0 can be loaded into 0\.1\.0\.\n/);
  });
});

describe('a running node cannot take', () => {
  const script: Instruction = { do: 'run', program: 'demo' };
  const preload = (digest: string, ...packages: readonly string[]) => ({
    fixed: { boot: 'b', preload: [{ digest, packages }] },
  });
  const before = version('0.1.0', [pack('a', '1')], [], preload('p', 'lib/a'));
  const later = (more: Partial<ReleaseFile> = {}, digest = '1') =>
    version('0.2.0', [pack('a', digest)], [], { ...preload('p', 'lib/a'), ...more });
  const codes = (after: DescribedVersion) => planReload(before, after).obstacles.map(({ code }) => code);

  test.each<[string, DescribedVersion, readonly string[]]>([
    ['nothing that is in the way', later(), []],
    [
      'the version that runs',
      { ...before, release: { ...before.release, version: '0.1.0' } },
      ['SAME_VERSION'],
    ],
    ['another release', later({ name: 'other' }), ['OTHER_RELEASE']],
    ['one of an older Sarma', later({ fixed: undefined as never }), ['NO_DIGESTS']],
    ['another Node', { ...later(), runtime: '24.0.1' }, ['RUNTIME']],
    ['another line of Node', later({ nodeLine: 22 }), ['RUNTIME']],
    ['other options for Node', later({ vmArgs: ['--use-openssl-ca'] }), ['VM_ARGS']],
    ['one of another Sarma', later({ fixed: { ...preload('p', 'lib/a').fixed, boot: 'c' } }), ['BOOT']],
    ['a changed preload', later(preload('q', 'lib/a')), ['PRELOAD']],
    ['a preload that imports what has changed', later({}, '2'), ['PRELOAD']],
    ['another cookie', { ...later(), boot: { ...later().boot, cookie: 'x' } }, ['COOKIE']],
    ['a program', { ...later(), boot: { ...later().boot, instructions: [script] } }, ['SCRIPT']],
  ])('%s', (_, after, expected) => {
    expect(codes(after)).toEqual(expected);
  });

  test('anything, and every obstacle is a sentence', () => {
    const after = { ...later({ nodeLine: 22, name: 'other', vmArgs: ['-x'] }, '2'), runtime: '22.1.0' };
    const { obstacles } = planReload(before, after);
    expect(obstacles).toHaveLength(4);
    for (const { message } of obstacles) expect(message).toMatch(/^[A-Za-z0-9].*\.$/);
  });
});
