import type { Part } from './bench.ts';
import { boot, notes } from './parts/boot.ts';
import { compileCache } from './parts/compile-cache.ts';
import { compression } from './parts/compression.ts';
import { firstRun } from './parts/first-run.ts';
import { manyFiles } from './parts/many-files.ts';
import { peers } from './parts/peers.ts';
import { scale } from './parts/scale.ts';
import { share } from './parts/share.ts';
import { size } from './parts/size.ts';
import { strip } from './parts/strip.ts';
import { update } from './parts/update.ts';
import { warmStart } from './parts/warm-start.ts';
import { wrapTime } from './parts/wrap-time.ts';

/** In the order in which they are measured and shown. */
export const PARTS: readonly Part[] = [
  warmStart,
  compileCache,
  share,
  boot,
  notes,
  firstRun,
  manyFiles,
  size,
  strip,
  compression,
  wrapTime,
  update,
  ...scale,
  ...peers,
];
