import { isMainThread, parentPort, workerData } from 'node:worker_threads';

/**
 * How many bits the probabilities of a stream depend on: of the byte before, and of the position, for literals and for
 * everything else.
 */
export interface LzmaProperties {
  readonly literalContext: number;
  readonly literalPosition: number;
  readonly position: number;
}

/** What a thread of its own is given. */
export interface EncodingTask {
  readonly module: WebAssembly.Module;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly properties: LzmaProperties;
}

/** This file, which imports nothing that a thread would have to find. Its thread posts lengths while it works, then the stream. */
export const CODER_THREAD = new URL(import.meta.url);

/** What packages/stub/src/lzma/coder.c exports; numbers that are no lengths are addresses. */
interface Coder {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  allocate(size: number): number;
  encode: Coding;
  decode: Coding;
}

type Coding = (
  from: number,
  length: number,
  to: number,
  room: number,
  lc: number,
  lp: number,
  pb: number,
) => number;

/** Returned in place of a length where there was not enough memory. */
const NO_MEMORY = 0xffffffff;

/**
 * At most `room` bytes, made in a new instance, whose memory is given back with it. Empty where `room` is too small or the
 * input is no stream; null where there is not enough memory.
 */
export function code(
  what: 'encode' | 'decode',
  module: WebAssembly.Module,
  input: Uint8Array,
  room: number,
  { literalContext, literalPosition, position }: LzmaProperties,
  progress: (bytes: number) => void = () => {},
): Uint8Array | null {
  const coder = new WebAssembly.Instance(module, { host: { progress } }).exports as unknown as Coder;
  coder._initialize();
  // Addresses and lengths beyond 2 GiB come as negative numbers.
  const from = coder.allocate(input.length + 1) >>> 0;
  const to = coder.allocate(room + 1) >>> 0;
  if (from === 0 || to === 0) return null;
  new Uint8Array(coder.memory.buffer).set(input, from);
  const length = coder[what](from, input.length, to, room, literalContext, literalPosition, position) >>> 0;
  return length === NO_MEMORY ? null : new Uint8Array(coder.memory.buffer).slice(to, to + length);
}

function encodeTask({ module, content, properties }: EncodingTask): void {
  const progress = (bytes: number) => parentPort!.postMessage(bytes);
  // With the byte that says what the properties are, it is to be shorter than the content.
  const room = Math.max(0, content.length - 2);
  parentPort!.postMessage(code('encode', module, content, room, properties, progress));
}

if (!isMainThread && workerData?.module instanceof WebAssembly.Module) encodeTask(workerData);
