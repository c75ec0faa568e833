export { readAssembledRelease } from './assembled-release.ts';
export { COMPRESSIONS, type Compression } from './compression.ts';
export type { OnEvent, Phase, WrapEvent } from './events.ts';
export { type Inspection, inspect } from './inspect.ts';
export type { Manifest } from './manifest.ts';
export { type Check, type Verification, verify } from './verify.ts';
export { type Artifact, type Outcome, type WrapOptions, wrap } from './wrap.ts';
