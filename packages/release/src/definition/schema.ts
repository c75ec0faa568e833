import { nearest } from '@sarma/app/internal';
import { z } from 'zod';

// What a configuration may hold. Messages say what was expected; check.ts puts where and what was found before it.

/** An object without other keys; an unknown one is told the known one that it is nearest to. */
export function keyed<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return 'expected an object';
      const known = Object.keys(shape);
      return issue.keys.map((key) => unknownKey(key, known)).join('; ');
    },
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return near === undefined
    ? `"${key}" is no key here; the keys are ${known.join(', ')}`
    : `"${key}" is no key here; did you mean "${near}"?`;
}

/** Exactly one of the keys of an object. */
export function oneKeyOf<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return keyed(optional(shape))
    .refine((value) => Object.keys(value).length === 1, {
      error: `expected exactly one of the keys ${known.join(', ')}`,
      // One that is no key has been said to be none.
      when: ({ issues }) => issues.length === 0,
    })
    .meta({ minProperties: 1, maxProperties: 1 });
}

type Optional<Shape extends z.ZodRawShape> = { [Key in keyof Shape]: z.ZodOptional<Shape[Key]> };

function optional<Shape extends z.ZodRawShape>(shape: Shape): Optional<Shape> {
  return Object.fromEntries(
    Object.entries(shape).map(([key, value]) => [key, z.optional(value)]),
  ) as Optional<Shape>;
}

const text = z.string('expected a string').min(1, 'expected a string that is not empty');
const toggle = z.boolean('expected true or false');
const off = z.literal(false, 'expected false');
const on = z.literal(true, 'expected true');

/** JSON cannot hold one, so the JSON Schema leaves out what only a function can be. */
const code = z
  .custom<(argument: never) => unknown>((value) => typeof value === 'function', 'expected a function')
  .meta({ onlyCode: true });

function words<Word extends string>(...known: readonly [Word, ...Word[]]) {
  return z.enum(known, { error: ({ input }) => oneOf(known, input) });
}

function oneOf(known: readonly string[], input: unknown): string {
  const near = typeof input === 'string' ? nearest(input, known) : undefined;
  const list = `expected one of ${known.map((word) => JSON.stringify(word)).join(', ')}`;
  return near === undefined ? list : `${list}; did you mean "${near}"?`;
}

function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(item, 'expected a list');
}

function recordOf<Value extends z.ZodType>(value: Value) {
  return z.record(z.string(), value, 'expected an object');
}

/** One of several forms. `expected` is said when none of them comes near. */
function anyOf<const Forms extends readonly [z.ZodType, z.ZodType, ...z.ZodType[]]>(
  expected: string,
  forms: Forms,
) {
  return z.union(forms, expected);
}

const json = z.json();
const pair = z.tuple([text, text], 'expected [from, to]');

/** Each may be empty. */
const programArguments = listOf(z.string('expected a string'));

const version = anyOf('expected a string, or one of { from }, { git }, { file }, { command }', [
  text,
  oneKeyOf({ from: text, git: words('short', 'long', 'tag'), file: text, command: text }),
]);

const overlay = anyOf('expected a folder, or one of { mkdir }, { copy }, { link }, { template }, { chmod }', [
  text,
  oneKeyOf({
    mkdir: text,
    copy: pair,
    link: pair,
    template: pair,
    chmod: z.tuple([text, z.int('expected a mode like 0o755')], 'expected [file, mode]'),
  }),
]);

const repository = text.regex(/^[\w.-]+\/[\w.-]+$/, 'expected "owner/name"');
const address = z.url({ protocol: /^https?$/, error: 'expected an address, https://…' });

const mode = words('permanent', 'transient', 'temporary', 'load', 'none');

const MODES = ['embedded', 'interactive'] as const;

/** relx has `{mode, minimal}`. */
function relxMode(input: unknown): string {
  if (!['dev', 'prod', 'minimal'].includes(input as string)) return '';
  return `; what relx calls a mode is an environment here: environments: { ${input}: … } (docs/release.md#environments)`;
}

const codeMode = words('copy', 'bundle', 'trace').refine((value) => value !== 'trace', {
  error: '"trace" does not exist yet; take "copy" (files as they are) or "bundle" (one file per entry)',
});

const step = anyOf('expected "assemble", "appup", "relup", "tar", "wrap" or a function', [
  words('assemble', 'appup', 'relup', 'tar', 'wrap'),
  code,
]);

const command = anyOf('expected a line for the shell, or a list of a program and its arguments', [
  text,
  listOf(text).min(1, 'expected a program'),
]);

const buildHook = anyOf('expected a function or a list of functions', [code, listOf(code)]);

/** The names of our steps and what steps return are the wrapper's to check. */
function perPhase<Value extends z.ZodType>(value: Value) {
  return keyed(optional({ fetch: value, patch: value, build: value }))
    .meta({ onlyCode: true })
    .optional();
}

const shared = {
  kind: words('cli', 'service'),
  version,
  entry: text,
  bin: anyOf('expected a name or a list of names', [text, listOf(text)]),
  applications: anyOf('expected an object from packages to modes, or a list of packages', [
    recordOf(mode),
    listOf(text),
  ]),
  skipModeValidationFor: listOf(text),
  code: codeMode,
  runtime: keyed({
    version: text.optional(),
    include: anyOf('expected true, false or a path', [toggle, text]).optional(),
    perTarget: toggle.optional(),
    strip: toggle.optional(),
  }),
  steps: listOf(step),
  upgradeFrom: anyOf('expected a version or a path, or a list of them', [text, listOf(text)]),
  targets: listOf(text),
  path: text,
  overlays: listOf(overlay),
  overlayVars: recordOf(z.unknown()),
  configProviders: listOf(
    anyOf('expected a module, or { module, options }', [
      text,
      keyed({ module: text, options: json.optional() }),
    ]),
  ),
  buildConfig: anyOf('expected a path or false', [text, off]),
  runtimeConfig: anyOf('expected a path or false', [text, off]),
  buildEnv: listOf(text),
  requiredEnv: listOf(anyOf('expected a name or a list of names', [text, listOf(text).min(1)])),
  define: recordOf(json),
  validateCompileEnv: toggle,
  preload: listOf(text),
  vmArgs: text,
  remoteVmArgs: text,
  envScript: keyed({ sh: text.optional(), bat: text.optional() }),
  hooks: text,
  commands: text,
  mode: z.enum(MODES, { error: ({ input }) => `${oneOf(MODES, input)}${relxMode(input)}` }),
  shutdownTimeout: z.int('expected a whole number of milliseconds').positive('expected more than 0'),
  upgrade: keyed({
    drainTimeout: z.int('expected a whole number of milliseconds').min(0, 'expected 0 or more').optional(),
  }),
  cookie: text,
  exclude: listOf(text),
  excludePackages: listOf(text),
  strip: anyOf('expected true, false, or { keep, also }', [
    toggle,
    keyed(optional({ keep: listOf(text), also: listOf(text) })),
  ]),
  devMode: toggle,
  wrap: keyed({
    keep: z.int('expected a whole number').min(1, 'expected at least 1').optional(),
    maintenance: anyOf('expected a word or false', [
      text.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected a word of letters, digits, ".", "_" and "-"'),
      off,
    ]).optional(),
    nodeOptions: words('pass', 'ignore').optional(),
    mutable: listOf(text).optional(),
    compileCache: anyOf('expected true, false or an object', [
      toggle,
      keyed(
        optional({
          children: toggle,
          build: anyOf('expected true, false or a list of arguments', [toggle, programArguments]),
        }),
      ),
    ]).optional(),
    snapshot: toggle.optional(),
    compression: words('fast', 'balanced', 'best', 'smallest', 'none').optional(),
    engine: words('stub', 'pkg').optional(),
    locales: listOf(text).min(1, 'expected at least one language').optional(),
    addons: keyed(optional({ rebuild: command, skip: listOf(text) })).optional(),
    macos: keyed(optional({ sign: command })).optional(),
    windows: keyed(
      optional({
        sign: command,
        icon: text,
        manifest: text,
        subsystem: words('console', 'gui'),
        version: recordOf(text),
      }),
    ).optional(),
    verify: anyOf('expected true, false or a list of arguments', [toggle, programArguments]).optional(),
    extraSteps: perPhase(keyed(optional({ pre: listOf(code), post: listOf(code) }))),
    phases: perPhase(listOf(anyOf('expected a function, or one of our steps by its name', [code, text]))),
  }),
  publish: keyed(
    optional({
      github: anyOf('expected "owner/name", or { repository, url, api }', [
        repository,
        keyed({ repository, url: address.optional(), api: address.optional() }),
      ]),
      url: address,
      tag: text.refine((tag) => tag.includes('{version}'), 'expected a tag with {version} in it'),
      changelog: anyOf('expected a path or false', [text, off]),
      include: listOf(text),
      homebrew: off,
      scoop: off,
      winget: keyed({
        id: text.regex(/^[^\s.]+(\.[^\s.]+)+$/, 'expected Publisher.Program'),
        publisher: text.optional(),
      }),
      npm: anyOf('expected true, or { name }', [on, keyed({ name: text })]),
    }),
  ),
  update: keyed({
    publicKey: anyOf('expected a public key of minisign, or a list of them', [
      text,
      listOf(text).min(1, 'expected at least one key'),
    ]),
    channel: text.regex(/^[a-z][a-z-]*$/, 'expected a word of small letters').optional(),
  }),
  buildHooks: keyed({
    beforeAssembly: buildHook.optional(),
    afterAssembly: buildHook.optional(),
    beforePackage: buildHook.optional(),
    afterPackage: buildHook.optional(),
  }).meta({ onlyCode: true }),
  checks: listOf(code).meta({ onlyCode: true }),
};

/** One release. */
export const releaseSchema = keyed(optional({ extend: text, ...shared })).meta({ id: 'Release' });

/** A whole configuration; releases that are functions are checked when they have been called. */
export const configSchema = keyed(
  optional({
    $schema: text,
    defaultRelease: text,
    defaultEnvironment: text,
    releases: recordOf(anyOf('expected an object, or a function that gives one', [releaseSchema, code])),
    environments: recordOf(keyed(optional(shared)).meta({ id: 'Environment' })),
    ...shared,
  }),
);

const hookKinds = ['waitForPort', 'waitForHealth', 'pidFile'] as const;
const portNumber = 'expected a port, or a string like "db:5432"';

/** What holds a variable is known at the start alone. */
const isPort = (value: string): boolean => {
  const port = Number(/^(?:.*:)?(\d{1,5})$/.exec(value)?.[1]);
  return value.includes('${') || (port > 0 && port <= 65_535);
};

const isAddress = (value: string): boolean =>
  value.includes('${') || ['http:', 'https:'].includes(URL.parse(value)?.protocol ?? '');

/** A hook that is no script (packages/boot/src/ready-made-hooks.ts). */
export const readyMadeHookSchema = keyed(
  optional({
    waitForPort: anyOf(portNumber, [
      z.int(portNumber).min(1, portNumber).max(65_535, portNumber),
      text.refine(isPort, portNumber),
    ]),
    waitForHealth: text.refine(isAddress, 'expected an address that begins with http:// or https://'),
    pidFile: text,
    timeout: z.number('expected a number of seconds').positive('expected a number of seconds above 0'),
  }),
).refine((hook) => hookKinds.filter((kind) => hook[kind] !== undefined).length === 1, {
  error: `expected exactly one of the keys ${hookKinds.join(', ')}`,
  when: ({ issues }) => issues.length === 0,
});
