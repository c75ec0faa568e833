import type { ReloadCost } from './cost.ts';

/** `3 modules, 12 kB; the heap grew by 0.4 MB`. */
export function costText({ modules, source, heap }: ReloadCost): string {
  if (modules === 0) return 'its modules were there already';
  const files = `${modules} module${modules === 1 ? '' : 's'}, ${Math.ceil(source / 1000)} kB`;
  if (heap === null)
    return `${files}; how much memory that takes was not measured: the heap is too large for it`;
  return `${files}; the heap ${heap < 0 ? 'shrank' : 'grew'} by ${(Math.abs(heap) / 1e6).toFixed(1)} MB`;
}
