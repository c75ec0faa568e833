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

export type Coded = Uint8Array<ArrayBuffer> | 'damaged' | 'no memory';

/** This file, which imports nothing that a thread would have to find. Its thread posts lengths while it works, then what was coded. */
export const CODER_THREAD = new URL(import.meta.url);

/** What packages/stub/src/lzma/coder.c exports, and what `run` answers. */
interface Coder {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  run(encodes: boolean, size: number, lc: number, lp: number, pb: number): number;
}
const CODED = 0;
const NO_MEMORY = 2;

/**
 * Encodes, or decodes to `size` bytes at most, in a new instance, whose memory is given back with it: 64 MiB at most, and eleven
 * times as much to encode. Damaged is what is not exactly one stream.
 */
export function code(
  what: 'encode' | 'decode',
  module: WebAssembly.Module,
  input: Uint8Array,
  size: number,
  { literalContext, literalPosition, position }: LzmaProperties,
  progress: (bytes: number) => void = () => {},
): Coded {
  const encodes = what === 'encode';
  const output: Buffer[] = [];
  let at = 0;
  let room = encodes ? Number.POSITIVE_INFINITY : size;
  const read = (to: number, length: number) => {
    const piece = input.subarray(at, at + length);
    new Uint8Array(coder.memory.buffer).set(piece, to);
    at += piece.length;
    progress(piece.length);
    return piece.length;
  };
  const write = (from: number, length: number) => {
    room -= length;
    output.push(Buffer.from(coder.memory.buffer.slice(from, from + length)));
    return room >= 0;
  };
  const { exports } = new WebAssembly.Instance(module, { host: { read, write } });
  const coder = exports as unknown as Coder;
  coder._initialize();
  const result = coder.run(encodes, size, literalContext, literalPosition, position);
  if (result === NO_MEMORY) return 'no memory';
  return result === CODED ? Buffer.concat(output) : 'damaged';
}

function encodeTask({ module, content, properties }: EncodingTask): void {
  const progress = (bytes: number) => parentPort!.postMessage(bytes);
  parentPort!.postMessage(code('encode', module, content, content.length, properties, progress));
}

if (!isMainThread && workerData?.module instanceof WebAssembly.Module) encodeTask(workerData);
